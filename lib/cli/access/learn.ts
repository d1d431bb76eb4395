/**
 * The tightest description in which a command does again what it was seen doing: an empty root with
 * the files that it named, each as it was used.
 *
 * @module
 */

import { stringify } from "@std/yaml";
import type { MountSpec, SandboxSpec } from "../../spec.ts";
import { EGRESS_KEYS } from "../../spec/network.ts";
import { commented } from "../convert/commented.ts";
import { fileOf } from "../convert/yaml.ts";
import type { AccessLog } from "./observer.ts";
import { isWithin, kindAt } from "./places.ts";

/** So many files of one directory are shown one by one; with more, all of it is. */
const MOST_OF_ONE = 24;

/** What is in these is never shown as a whole, however much of it was used. */
const NEVER_WHOLE = /^(\/|\/(usr|etc|home|root|var|opt|srv|tmp)(\/(bin|lib|sbin|share|local))?)$/;

/** The mounts, by why they are there. */
export interface Learned {
  readonly written: MountSpec[];
  readonly read: MountSpec[];
  readonly links: MountSpec[];
  readonly directories: MountSpec[];
}

function parent(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** The mounts that a log asks for; each path once, and nothing twice. */
export function learnedMounts(log: AccessLog, cwd: string): Learned {
  const files = [...log.files.values()];
  // What was made by the command itself was not there when it was first named.
  const made = files.filter(({ kind, access }) =>
    kind === undefined && (access.has("write") || access.has("change"))
  );
  const written = new Map<string, string>();
  for (const { path, host, kind, access } of files) {
    if (!access.has("change") && !access.has("write")) continue;
    // A name is an entry of its directory; contents are the file's own.
    const own = kind === "file" && !access.has("change");
    let [inside, outside] = own || (kind === "directory" && access.has("write"))
      ? [path, host]
      : [parent(path), parent(host)];
    while (
      made.some((each) => each.path === inside) || kindBefore(log, inside, outside) === undefined
    ) {
      if (inside === "/") break;
      [inside, outside] = [parent(inside), parent(outside)];
    }
    written.set(inside, outside);
  }
  const tops = [...written].filter(([path]) =>
    ![...written.keys()].some((other) => other !== path && isWithin(path, other))
  );
  const covered = (path: string) => tops.some(([top]) => isWithin(path, top));
  const read = new Map<string, string>();
  const directories = new Set<string>();
  for (const { path, host, kind, access } of files) {
    if (kind === undefined || covered(path)) continue;
    if (kind === "directory") directories.add(path);
    else if (kind !== "link" || access.has("read")) read.set(path, host);
  }
  for (const [directory, used] of Map.groupBy(read.keys(), parent)) {
    if (used.length <= MOST_OF_ONE || NEVER_WHOLE.test(directory)) continue;
    const host = parent(read.get(used[0]!)!);
    for (const path of used) read.delete(path);
    read.set(directory, host);
  }
  const whole = [...read.keys()].filter((path) =>
    directories.has(path) || kindAt(read.get(path)!) === "directory"
  );
  const shown = (path: string) =>
    covered(path) || whole.some((top) => top !== path && isWithin(path, top));
  if (!covered(cwd)) directories.add(cwd);
  const bind = ([target, source]: readonly [string, string], writable: boolean): MountSpec => ({
    kind: "bind",
    source,
    target,
    ...(writable ? { writable } : {}),
  });
  const byTarget = (a: MountSpec, b: MountSpec) => a.target < b.target ? -1 : 1;
  const links = [...log.links].filter(([path]) => !shown(path) && !read.has(path))
    .map(([target, source]): MountSpec => ({ kind: "symlink", source, target })).sort(byTarget);
  const linked = new Set(links.map(({ target }) => target));
  const binds = [...read].filter(([path]) => !shown(path)).map((each) => bind(each, false))
    .sort(byTarget);
  return {
    directories: [...directories]
      .filter((path) => path !== "/" && !shown(path) && !read.has(path) && !linked.has(path))
      .map((target): MountSpec => ({ kind: "dir", target })).sort(byTarget),
    links,
    read: binds,
    written: tops.map((each) => bind(each, true)).sort(byTarget),
  };
}

/** What a directory was before the command ran, as far as its log tells. */
function kindBefore(log: AccessLog, inside: string, host: string): string | undefined {
  const seen = log.files.get(inside);
  return seen === undefined ? kindAt(host) : seen.kind;
}

/** One mount as a line of YAML. */
function line(mount: MountSpec): string {
  const text = stringify([mount], { flowLevel: 1, useAnchors: false });
  return `  ${text.replace(/^- /, "- ").trimEnd().replaceAll("\n", "\n  ")}\n`;
}

/** The network that is needed: none without a connection, and of a gate what went through it. */
function learnedNetwork(
  network: SandboxSpec["network"],
  connected: boolean,
  reached: readonly string[],
): SandboxSpec["network"] {
  if (network === undefined || !EGRESS_KEYS.some((key) => key in network)) {
    return connected || (network !== undefined && "publish" in network) ? network : undefined;
  }
  // Looked up only, or an address, which a list of its own is for.
  const names = reached.filter((host) => /:\d+$/.test(host) && !/^(\[|[\d.]+:)/.test(host));
  return { ...network, allowDomains: names } as SandboxSpec["network"];
}

/** The file, commented. */
export function learnedText(
  log: AccessLog,
  spec: SandboxSpec,
  command: readonly string[],
  reached: readonly string[] = [],
): string {
  const { directories, links, read, written } = learnedMounts(log, spec.cwd ?? "/");
  const { network, ...rest } = spec;
  const net = learnedNetwork(network, log.hosts.size > 0, reached);
  const namespaces = net === undefined && spec.namespaces.net !== "new" && log.hosts.size === 0
    ? { ...spec.namespaces, net: "new" as const }
    : spec.namespaces;
  const own = spec.mounts.filter(({ kind }) =>
    !["bind", "overlay", "mask", "readonly", "symlink", "dir"].includes(kind)
  );
  const file = fileOf({
    spec: { ...rest, network: net, namespaces, command: [...command], root: "empty", mounts: own },
    hooks: [],
  });
  delete file.mounts;
  const kept = own.filter(({ target, kind }) =>
    !["/proc", "/dev", "/tmp", "/run"].includes(target) || kind === "file"
  );
  const sections: [string, MountSpec[]][] = [
    ["its own, as it was", kept],
    ["directories that were looked at, or are worked in: empty", directories],
    ["symbolic links on the way", links],
    ["read, executed or looked at", read],
    ["written to", written],
  ];
  const mounts = sections.filter(([_, list]) => list.length > 0)
    .map(([title, list]) => `  # ${title}\n${list.map(line).join("")}`).join("");
  return `${
    commented(
      file,
      "Learned from a run: the tightest description in which the command does the same again. Loosen it by hand where other runs need more.",
      false,
    )
  }\n# What is made in the empty root, in this order.\n${
    mounts === "" ? "mounts: []\n" : `mounts:\n${mounts}`
  }`;
}
