/**
 * What keeps namespaces besides processes: mounts of them, descriptors, threads, and the
 * namespaces of children to come. proc_pid_mountinfo(5), proc_pid_fd(5), namespaces(7).
 *
 * @module
 */

import {
  type Found,
  foundAt,
  namespacesAt,
  numbersIn,
  parseLink,
  type SeenProcess,
  unlessGone,
} from "./processes.ts";
import type { NamespaceHolder } from "./snapshot.ts";

/** A namespace and what keeps it. */
export interface Held {
  readonly found: Found;
  readonly holder: NamespaceHolder;
}

/** mountinfo writes a space, a tab, a newline and a backslash by their octal numbers. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** The namespaces that are bound on files, as mountinfo lists them: paths, the kind and the id. */
export function mountedNamespaces(mountinfo: string): Found[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [place = "", filesystem = ""] = line.split(" - ");
    if (!filesystem.startsWith("nsfs ")) return [];
    const [, , , root = "", target = ""] = place.split(" ");
    const named = parseLink(root);
    return named === undefined ? [] : [{ ...named, path: unescape(target) }];
  });
}

/** The mounts of the mount namespace that a process is in. */
export function heldByMounts({ pid }: SeenProcess, isOwn: boolean): Held[] {
  const text = unlessGone(() => Deno.readTextFileSync(`/proc/${pid}/mountinfo`));
  if (text === undefined || text === "hidden") return [];
  return mountedNamespaces(text).map((found) => ({
    found: isOwn ? found : { ...found, path: `/proc/${pid}/root${found.path}` },
    holder: { by: "mount", path: found.path, ...(isOwn ? {} : { pid }) },
  }));
}

function heldByDescriptors(pid: number): Held[] {
  const folder = `/proc/${pid}/fd`;
  const fds = unlessGone(() => numbersIn(folder));
  if (fds === undefined || fds === "hidden") return [];
  return fds.flatMap((fd): Held[] => {
    const found = unlessGone(() => foundAt(`${folder}/${fd}`));
    if (found === undefined || found === "hidden") return [];
    return [{ found, holder: { by: "descriptor", pid, fd } }];
  });
}

function heldByThreads(pid: number, own: ReadonlySet<number>): Held[] {
  const folder = `/proc/${pid}/task`;
  const tids = unlessGone(() => numbersIn(folder));
  if (tids === undefined || tids === "hidden") return [];
  return tids.filter((tid) => tid !== pid).flatMap((tid): Held[] => {
    const found = unlessGone(() => namespacesAt(`${folder}/${tid}`));
    if (found === undefined || found === "hidden") return [];
    return found.filter(({ id }) => !own.has(id)).map((found) => ({
      found,
      holder: { by: "thread", pid, tid },
    }));
  });
}

function heldForChildren(pid: number, own: ReadonlySet<number>): Held[] {
  return ["pid", "time"].flatMap((file): Held[] => {
    const found = unlessGone(() => foundAt(`/proc/${pid}/ns/${file}_for_children`));
    if (found === undefined || found === "hidden" || own.has(found.id)) return [];
    return [{ found, holder: { by: "children", pid } }];
  });
}

/** What a process keeps besides the namespaces that it is in. */
export function heldByProcess({ pid, namespaces }: SeenProcess): Held[] {
  const own = new Set(namespaces.map(({ id }) => id));
  return [
    ...heldByDescriptors(pid),
    ...heldByThreads(pid, own),
    ...heldForChildren(pid, own),
  ];
}
