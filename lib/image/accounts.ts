/**
 * Who is who in an image: its passwd(5) and group(5), read from its layers without following links.
 *
 * @module
 */

import { ImageError, SyscallError } from "../errors.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } from "../sys/abi/fcntl.ts";
import { close, open, readAll } from "../sys/file.ts";
import { openat2 } from "../sys/openat2.ts";
import { STRICTLY_BELOW } from "./tree/directory_handles.ts";

/** A user of an image. */
export interface Account {
  uid: number;
  gid: number;
  /** The home directory, if there is a line for the user. */
  home?: string;
}

/** Larger ones are no lists of users. */
const LARGEST = 1024 * 1024;

/** The lines of a file in `/etc` of the topmost layer that has it, cut at the colons. */
function lines(trees: readonly string[], name: string): string[][] {
  for (const tree of trees) {
    const root = open(tree, { flags: O_DIRECTORY });
    try {
      const flags = O_NOFOLLOW | O_NONBLOCK;
      const fd = openat2(`etc/${name}`, { dirfd: root, flags, resolve: STRICTLY_BELOW });
      try {
        const text = new TextDecoder().decode(readAll(fd).subarray(0, LARGEST));
        return text.split("\n").map((line) => line.split(":"));
      } finally {
        close(fd);
      }
    } catch (error) {
      // Not in this layer, or a link or a device, which nobody follows.
      if (!(error instanceof SyscallError)) throw error;
    } finally {
      close(root);
    }
  }
  return [];
}

function isNumber(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) < 0xffff_ffff;
}

/** The user that a configuration names: `UID`, `NAME`, `UID:GID` or `NAME:GROUP`. */
export function accountOf(image: string, trees: readonly string[], user: string): Account {
  const [name = "", group] = user.split(":");
  const passwd = lines(trees, "passwd");
  const line = passwd.find((fields) => fields[0] === name) ??
    passwd.find((fields) => isNumber(name) && fields[2] === String(Number(name)));
  if (line === undefined && !isNumber(name)) {
    throw new ImageError(image, `its user, "${name}", is not in its /etc/passwd; give one: user()`);
  }
  return {
    uid: Number(line?.[2] ?? name),
    gid: group === undefined ? Number(line?.[3] ?? 0) : groupOf(image, trees, group),
    home: line?.[5],
  };
}

function groupOf(image: string, trees: readonly string[], group: string): number {
  if (isNumber(group)) return Number(group);
  const line = lines(trees, "group").find((fields) => fields[0] === group);
  if (line !== undefined) return Number(line[2]);
  throw new ImageError(image, `its group, "${group}", is not in its /etc/group; give one: user()`);
}
