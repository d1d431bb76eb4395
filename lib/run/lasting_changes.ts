/**
 * Directories of the host that keep what is changed in a stack: looked at before a launch, so that
 * nothing is made where it was misspelt, and cleared up after one that failed.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SandboxSpec } from "../spec.ts";

/** A directory for changes, as the description names it. */
interface Lasting {
  readonly field: string;
  readonly upper: string;
  readonly work: string;
  readonly lower: readonly string[];
}

function lasting(
  field: string,
  layers: { upper?: string; work?: string; lower?: readonly string[] },
): Lasting[] {
  const { upper, lower = [] } = layers;
  if (upper === undefined || upper === "ephemeral") return [];
  const named = upper.replace(/(?<=.)\/+$/, "");
  return [{ field: `${field}.upper`, upper, work: layers.work ?? `${named}.work`, lower }];
}

function allOf({ root, mounts }: SandboxSpec): Lasting[] {
  const atRoot = typeof root !== "object"
    ? []
    : "overlay" in root
    ? lasting("root.overlay", root.overlay)
    : "image" in root
    ? lasting("root", root)
    : [];
  return [
    ...atRoot,
    ...mounts.flatMap((mount, index) =>
      mount.kind === "overlay" ? lasting(`mounts[${index}]`, mount) : []
    ),
  ];
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** The kernel takes it, and then refuses what lies below it, with errors that name something else. */
function checkApart({ field, upper, lower }: Lasting, { dev }: Deno.FileInfo): void {
  const own = Deno.realPathSync(upper);
  for (const layer of lower) {
    // What is not there, the step for it will say. Another filesystem does not come along.
    if (stat(layer)?.dev !== dev) continue;
    const below = Deno.realPathSync(layer).replace(/\/$/, "");
    if (below.startsWith(`${own}/`)) {
      throw new SpecError(
        field,
        `"${upper}" holds the layer "${layer}", which would be changed with it; take a directory elsewhere`,
      );
    }
    if (own !== below && !own.startsWith(`${below}/`)) continue;
    throw new SpecError(
      field,
      `"${upper}" ${
        own === below ? "is" : "lies in"
      } the layer "${layer}" that it is to be put over; take a directory elsewhere`,
    );
  }
}

/**
 * Looks at the directories for changes, and throws a `SpecError` for one that is not there, lies in
 * one of its own layers, or holds one. What it returns removes the work directories that were made
 * since, and is for a launch that failed; what holds anything stays.
 */
export function checkLasting(spec: SandboxSpec): () => void {
  const made: string[] = [];
  for (const entry of allOf(spec)) {
    const { field, upper, work } = entry;
    const info = stat(upper);
    if (!info?.isDirectory) {
      throw new SpecError(
        field,
        `"${upper}" ${
          info ? "is no directory" : "is not there"
        }; it keeps what is changed, and is not made by itself: make it first`,
      );
    }
    checkApart(entry, info);
    if (stat(work) === undefined) made.push(work);
  }
  return () => {
    for (const work of made) removeEmpty(work);
  };
}

/** The kernel makes one or two directories in it. */
function removeEmpty(work: string): void {
  try {
    for (const { name } of Deno.readDirSync(work)) Deno.removeSync(`${work}/${name}`);
    Deno.removeSync(work);
  } catch { /* it was not made after all, or it is used */ }
}
