/**
 * Takes a tree of the host apart where something is mounted in it, so that each part can be a layer:
 * an overlay shows what is mounted below its layer to nobody, and an ordinary user may not leave it
 * out.
 *
 * @module
 */

import type { HostPiece } from "../plan/facts.ts";

/** What holds nothing that anybody would want to have a throw-away copy of. */
const NO_FILES = new Set([
  "autofs",
  "binder",
  "binfmt_misc",
  "bpf",
  "cgroup",
  "cgroup2",
  "configfs",
  "debugfs",
  "devpts",
  "devtmpfs",
  "efivarfs",
  "fusectl",
  "hugetlbfs",
  "mqueue",
  "nsfs",
  "proc",
  "pstore",
  "rpc_pipefs",
  "securityfs",
  "selinuxfs",
  "sysfs",
  "tracefs",
]);

/** The type of what is mounted on each place. proc_pid_mountinfo(5). */
export function mountTypes(mountinfo: string): Map<string, string> {
  const types = new Map<string, string>();
  for (const line of mountinfo.split("\n")) {
    const fields = line.split(" ");
    const dash = fields.indexOf("-");
    if (dash < 0) continue;
    const place = fields[4]!.replace(
      /\\([0-7]{3})/g,
      (_, digits) => String.fromCharCode(parseInt(digits, 8)),
    );
    types.set(place, fields[dash + 1]!);
  }
  return types;
}

/** The parts of the tree below `root`; targets are from there. */
export function hostTree(
  directory: string,
  types = mountTypes(Deno.readTextFileSync("/proc/self/mountinfo")),
  own = ownPlaces(),
): HostPiece[] {
  const root = real(directory);
  const pieces: HostPiece[] = [];
  const places = [...types.keys()];
  const target = (path: string) => (root === "/" ? path : path.slice(root.length)) || "/";
  const walk = (path: string) => {
    if (NO_FILES.has(types.get(path) ?? "")) {
      pieces.push({ kind: "dir", target: target(path), mode: 0o755 });
      return;
    }
    const prefix = path === "/" ? path : `${path}/`;
    if (!places.some((place) => place !== path && place.startsWith(prefix))) {
      pieces.push({ kind: "layer", path, target: target(path) });
      return;
    }
    const { mode } = Deno.lstatSync(path);
    if (path !== root) pieces.push({ kind: "dir", target: target(path), mode: mode! & 0o7777 });
    for (const entry of list(path)) {
      const name = `${prefix}${entry.name}`;
      if (entry.isSymlink) {
        pieces.push({ kind: "symlink", target: target(name), to: Deno.readLinkSync(name) });
      } else if (entry.isDirectory) walk(name);
      // Namespaces are mounted on files.
      else if (entry.isFile && !NO_FILES.has(types.get(name) ?? "")) {
        pieces.push({ kind: "file", path: name, target: target(name) });
      }
    }
  };
  walk(root);
  for (const path of own) {
    const inside = path.startsWith(root === "/" ? root : `${root}/`);
    const taken = places.some((place) => place.startsWith(`${path}/`));
    if (!inside || taken || pieces.some((piece) => "path" in piece && piece.path === path)) {
      continue;
    }
    pieces.push({ kind: "layer", path, target: target(path), within: true });
  }
  return pieces;
}

/**
 * What an ordinary user works in. Changing a file copies the directories above it first, and what
 * belongs to others, such as `/var`, has owners that a user's namespace has no numbers for
 * (EOVERFLOW); so the topmost of the user's own directories are layers of their own.
 */
function ownPlaces(): string[] {
  const uid = Deno.uid();
  if (uid === 0) return [];
  const found = new Set<string>();
  for (const path of [Deno.env.get("HOME"), Deno.cwd()]) {
    let topmost: string | undefined;
    for (
      let at = path === undefined ? "" : real(path);
      at.length > 1;
      at = at.replace(/\/[^/]*$/, "")
    ) {
      try {
        if (Deno.statSync(at).uid === uid) topmost = at;
      } catch { /* not there, or not for this user to see */ }
    }
    if (topmost !== undefined) found.add(topmost);
  }
  return [...found];
}

/** Without links; a directory that is not there is an error of the step that opens it. */
function real(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** The entries in their order; none where the caller may not look. */
function list(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch {
    return [];
  }
}
