/**
 * The mounts of a description as those of an OCI bundle.
 *
 * @module
 */

import { parseMode, parseSize } from "../../quantity.ts";
import type { HostEntry } from "../../plan/facts.ts";
import type { MountSpec, SandboxSpec } from "../../spec.ts";
import type { Leftovers } from "./conversion.ts";

/** A mount as `config.json` has it. */
export interface OciMount {
  /** Where. */
  destination: string;
  /** The filesystem's type. */
  type: string;
  /** What. */
  source: string;
  /** As for mount(8). */
  options: string[];
}

function flags(mount: { [flag: string]: unknown }): string[] {
  return [
    ...mount.nosuid === false ? [] : ["nosuid"],
    ...mount.nodev === false || mount.devices === true ? [] : ["nodev"],
    ...mount.noexec ? ["noexec"] : [],
    ...mount.nosymfollow ? ["nosymfollow"] : [],
  ];
}

/** The mounts of one entry; what is no mount is masked, read-only, or left. */
export function mountsOf(
  mount: MountSpec,
  field: string,
  left: Leftovers,
  paths: { masked: string[]; readonly: string[] },
): OciMount[] {
  const { target: destination } = mount;
  const fresh = (type: string, options: string[]): OciMount[] => [
    { destination, type, source: type, options: ["nosuid", "nodev", "noexec", ...options] },
  ];
  switch (mount.kind) {
    case "bind": {
      const { source, writable, recursive, propagation = "private", optional, idMap } = mount;
      if (typeof source === "object") {
        left.add(`${field}.source`, "a descriptor of another program is not there");
        return [];
      }
      if (optional) left.add(`${field}.optional`, "a source that is missing is an error");
      if (idMap !== undefined) left.add(`${field}.idMap`, "it came with version 1.1");
      const options = [
        recursive === false ? "bind" : "rbind",
        writable ? "rw" : "ro",
        recursive === false ? propagation : `r${propagation}`,
        ...flags({ ...mount }),
      ];
      return [{ destination, type: "bind", source, options }];
    }
    case "tmpfs": {
      const { size, mode = "1777", uid, gid, inodes } = mount;
      const options = [
        `mode=${parseMode(mode, field).toString(8)}`,
        ...size === undefined ? [] : [`size=${parseSize(size, field)}`],
        ...inodes === undefined ? [] : [`nr_inodes=${inodes}`],
        ...uid === undefined ? [] : [`uid=${uid}`],
        ...uid === undefined && gid === undefined ? [] : [`gid=${gid ?? uid}`],
      ];
      return [{
        destination,
        type: "tmpfs",
        source: "tmpfs",
        options: [...flags({ ...mount }), ...options],
      }];
    }
    case "proc": {
      const { hidepid, subset } = mount;
      return fresh("proc", [
        ...hidepid ? [`hidepid=${hidepid}`] : [],
        ...subset ? [`subset=${subset}`] : [],
      ]);
    }
    case "dev":
      return [
        {
          destination,
          type: "tmpfs",
          source: "tmpfs",
          options: ["nosuid", "mode=755", "size=65536k"],
        },
        {
          destination: `${destination}/pts`,
          type: "devpts",
          source: "devpts",
          options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        {
          destination: `${destination}/shm`,
          type: "tmpfs",
          source: "shm",
          options: ["nosuid", "noexec", "nodev", "mode=1777"],
        },
      ];
    case "devpts": {
      const { mode = "0620", gid, max } = mount;
      return [{
        destination,
        type: "devpts",
        source: "devpts",
        options: [
          ...["nosuid", "noexec", "newinstance", "ptmxmode=0666"],
          `mode=${parseMode(mode, field).toString(8).padStart(4, "0")}`,
          ...gid === undefined ? [] : [`gid=${gid}`],
          ...max === undefined ? [] : [`max=${max}`],
        ],
      }];
    }
    case "mqueue":
      return fresh("mqueue", []);
    case "sysfs":
      return fresh("sysfs", ["ro"]);
    case "cgroupfs":
      return fresh("cgroup", [mount.writable ? "rw" : "ro"]);
    case "filesystem": {
      const { type, source = type, writable, options = {} } = mount;
      const own = Object.entries(options).map(([name, value]) =>
        value === true ? name : `${name}=${value}`
      );
      return [{
        destination,
        type,
        source,
        options: [writable ? "rw" : "ro", ...flags({ ...mount }), ...own],
      }];
    }
    case "overlay": {
      const { lower, upper, work, options = {} } = mount;
      if (upper === "ephemeral") {
        left.add(`${field}.upper`, "it has no changes in memory");
        return [];
      }
      return [{
        destination,
        type: "overlay",
        source: "overlay",
        options: [
          `lowerdir=${lower.join(":")}`,
          ...upper === undefined
            ? ["ro"]
            : [`upperdir=${upper}`, `workdir=${work ?? `${upper}.work`}`],
          ...flags({ ...mount }),
          ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
        ],
      }];
    }
    case "mask":
      paths.masked.push(destination);
      return [];
    case "readonly":
      paths.readonly.push(destination);
      return [];
    case "symlink":
      left.add(field, `make the link "${destination}" to "${mount.source}" in the root yourself`);
      return [];
    case "dir":
    case "file":
      left.add(field, `make the ${mount.kind} "${destination}" in the root yourself`);
      return [];
  }
}

/** The root, with what of the host is shown in it. */
export function rootOf(
  { root }: SandboxSpec,
  left: Leftovers,
  hostView: () => readonly HostEntry[],
) {
  if (typeof root === "object") {
    if ("path" in root) {
      if (root.ephemeral) left.add("root.ephemeral", "it has no changes in memory");
      if (root.idMap) left.add("root.idMap", "it maps no owners of a root");
      return { root: { path: root.path, readonly: !root.writable }, mounts: [] };
    }
    left.add(
      "overlay" in root ? "root.overlay" : "root.image",
      'it wants a directory; "rootfs" must hold the files',
    );
    return {
      root: { path: "rootfs", readonly: "image" in root && root.readonly === true },
      mounts: [],
    };
  }
  left.add("root", 'make an empty directory "rootfs" beside the file');
  const mounts: OciMount[] = [];
  for (const entry of root === "host" ? hostView() : []) {
    if (entry.kind === "symlink") {
      left.add("root", `make the link "rootfs${entry.path}" to "${entry.to}"`);
    } else {
      mounts.push({
        destination: entry.path,
        type: "bind",
        source: entry.path,
        options: ["rbind", "ro", "rprivate", "nosuid", "nodev"],
      });
    }
  }
  return { root: { path: "rootfs", readonly: true }, mounts };
}
