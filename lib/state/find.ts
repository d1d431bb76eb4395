/**
 * Finds a sandbox by its name or by the beginning of its id.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import { StateDirectory } from "./directory.ts";
import type { SandboxRecord } from "./record.ts";

/** A sandbox that is written down. */
export interface Found {
  readonly state: StateDirectory;
  readonly record: SandboxRecord;
}

/**
 * The id of a sandbox. A name wins over an id; of an id the first digits are enough, if no other has
 * them.
 */
export function idFor(state: StateDirectory | undefined, word: string): string {
  const named = state?.idOf(word);
  if (named !== undefined) return named;
  const ids = /^[0-9a-f]+$/.test(word)
    ? (state?.ids() ?? []).filter((id) => id.startsWith(word))
    : [];
  if (ids.length === 1) return ids[0]!;
  throw new SandboxError(
    ids.length > 1
      ? `"${word}" is the beginning of ${ids.length} ids: ${ids.slice(0, 3).join(", ")}${
        ids.length > 3 ? " .." : ""
      }; write more of it`
      : `there is no sandbox "${word}"; \`paddock ps -a\` lists them`,
  );
}

/** Finds a sandbox that is written down, whether it runs or not. */
export function find(word: string): Found {
  const state = StateDirectory.open();
  const id = idFor(state, word);
  const record = state!.read(id);
  if (record === undefined) {
    throw new SandboxError(
      `the sandbox ${id} has no record: its start was cut off; \`paddock prune\` removes it`,
    );
  }
  return { state: state!, record };
}
