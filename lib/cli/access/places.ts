/**
 * Where of the host a path of the sandbox leads: through the mounts of its description, and through
 * symbolic links.
 *
 * @module
 */

import type { SandboxSpec } from "../../spec.ts";

/** What a path of the sandbox's is on the host. */
export interface Place {
  /** The path on the host; undefined for what is the sandbox's own. */
  readonly host?: string;
  /** Whether it can be written, as the description says. */
  readonly writable: boolean;
}

interface Shown extends Place {
  readonly target: string;
}

/** The mounts of a description, the last first, for that is what is seen. */
export function shownPlaces({ root, mounts }: SandboxSpec): readonly Shown[] {
  const base: Shown = typeof root === "object" && "path" in root
    ? { target: "/", host: root.path, writable: root.writable === true || root.ephemeral === true }
    : { target: "/", ...(root === "host" ? { host: "/" } : {}), writable: false };
  const shown = mounts.map((mount): Shown => {
    const { kind, target } = mount;
    if (kind === "bind" && typeof mount.source === "string") {
      return { target, host: mount.source, writable: mount.writable === true };
    }
    if (kind === "overlay") {
      return { target, host: mount.lower.at(-1)!, writable: mount.upper !== undefined };
    }
    if (kind === "readonly" || kind === "mask") return { target, host: target, writable: false };
    return { target, writable: true };
  });
  return [base, ...shown].reverse();
}

/** Whether a path is a directory or something in it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}

/** The place of a path. */
export function placeIn(shown: readonly Shown[], path: string): Place {
  const mount = shown.find(({ target }) => isWithin(path, target.replace(/(?<=.)\/+$/, "")))!;
  if (mount.host === undefined) return { writable: mount.writable };
  const rest = mount.target === "/" ? path : path.slice(mount.target.length);
  return {
    host: `${mount.host}${rest}`.replace(/\/+/g, "/").replace(/(?<=.)\/$/, ""),
    writable: mount.writable,
  };
}

/** What is on the way to a path. */
export interface Walked {
  /** Where it leads, without links; it need not be there. */
  readonly path: string;
  /** The links on the way, with what they say. */
  readonly links: readonly (readonly [path: string, to: string])[];
}

/** Follows links of the host, of the last part only if it is to be followed. */
export function walk(path: string, shown: readonly Shown[], follow: boolean): Walked {
  const links: [string, string][] = [];
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  let done = "";
  for (let turns = 0; parts.length > 0 && turns < 1000; turns++) {
    const part = parts.shift()!;
    if (part === "..") {
      done = done.slice(0, Math.max(0, done.lastIndexOf("/")));
      continue;
    }
    const next = `${done}/${part}`;
    const { host } = placeIn(shown, next);
    const to = host === undefined || (parts.length === 0 && !follow) ? undefined : linkAt(host);
    if (to === undefined) {
      done = next;
      continue;
    }
    links.push([next, to]);
    if (to.startsWith("/")) done = "";
    parts.unshift(...to.split("/").filter((each) => each !== "" && each !== "."));
  }
  return { path: done === "" ? "/" : done, links };
}

function linkAt(path: string): string | undefined {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** What is at a path of the host. */
export function kindAt(path: string): "file" | "directory" | "link" | "other" | undefined {
  try {
    const { isFile, isDirectory, isSymlink } = Deno.lstatSync(path);
    return isFile ? "file" : isDirectory ? "directory" : isSymlink ? "link" : "other";
  } catch {
    return undefined;
  }
}
