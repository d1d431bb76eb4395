/**
 * The name of an entry, made a path below the root, or refused.
 *
 * @module
 */

import { ArchiveError } from "../../errors.ts";
import { shown } from "../byte_string.ts";

/** NAME_MAX and PATH_MAX, in bytes. */
const LONGEST_NAME = 255;
const LONGEST_PATH = 4095;

/** Names without `.`, `..` and empty ones, from the root on; the root itself has none. */
export function entryPath(name: string, entry: string, what = "its name"): string {
  const bad = (why: string): never => {
    throw new ArchiveError(
      entry,
      `${what}${what === "its name" ? "" : `, "${shown(name)}",`} ${why}`,
    );
  };
  if (name === "") bad("is empty");
  if (name.startsWith("/")) bad("is absolute");
  if (name.includes("\0")) bad("holds a NUL byte");
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) bad('holds ".."');
  if (parts.some((part) => part.length > LONGEST_NAME)) {
    bad(`has a part over ${LONGEST_NAME} bytes`);
  }
  const path = parts.join("/");
  if (path.length > LONGEST_PATH) bad(`is longer than ${LONGEST_PATH} bytes`);
  return path;
}

/** The directory and the name in it. */
export function split(path: string): { parent: string; base: string } {
  const slash = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(slash, 0)), base: path.slice(slash + 1) };
}

/**
 * Throws where a symbolic link would lead above the root. An absolute one starts at the root of
 * whoever follows it, and is what every distribution has; nothing here ever follows one.
 */
export function checkSymlink(path: string, target: string): void {
  const entry = shown(path);
  if (target === "" || target.includes("\0") || target.length > LONGEST_PATH) {
    throw new ArchiveError(entry, "its target is empty, too long or holds a NUL byte");
  }
  if (target.startsWith("/")) return;
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) {
      throw new ArchiveError(entry, `its target, "${shown(target)}", leads out of the root`);
    }
  }
}
