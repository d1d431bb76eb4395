/**
 * Which ids a user may map besides its own: subuid(5), subgid(5).
 *
 * @module
 */

import type { IdRange } from "../spec.ts";

/** The lines of `/etc/subuid` or `/etc/subgid` for this user. subuid(5). */
export function subordinate(file: string, uid: number, name: string | undefined): IdRange[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line): IdRange[] => {
    const [owner, first, count] = line.split(":");
    if (owner !== String(uid) && owner !== name) return [];
    const range = { inside: 0, outside: Number(first), count: Number(count) };
    return Number.isInteger(range.outside) && range.count > 0 ? [range] : [];
  });
}

/** The name of a user id. passwd(5). */
export function accountName(uid: number): string | undefined {
  try {
    const line = Deno.readTextFileSync("/etc/passwd").split("\n")
      .find((entry) => entry.split(":")[2] === String(uid));
    return line?.split(":")[0];
  } catch {
    return undefined;
  }
}
