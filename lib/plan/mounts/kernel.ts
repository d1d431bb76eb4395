/**
 * The steps that mount what the kernel makes up: proc, terminals, message queues, devices, cgroups,
 * memory, and filesystems of any other type.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import type {
  CgroupfsMount,
  DevptsMount,
  FilesystemMount,
  MqueueMount,
  ProcMount,
  SysfsMount,
  TmpfsMount,
} from "../../spec.ts";
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../sys/abi/mount.ts";
import type { NewStep } from "../step.ts";
import { mountAttributes } from "./attributes.ts";
import {
  attach,
  freshFilesystem,
  type MountContext,
  ownTmpfs,
  setAttributes,
  TREE,
} from "./parts.ts";
import { openTree } from "./sources.ts";

const INERT = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/** Mounts a detached filesystem that the operations leave in the cell `tree`. */
function mountStep(
  { scaffold }: MountContext,
  target: string,
  step: Pick<NewStep, "name" | "sentence" | "hints" | "operations">,
): NewStep {
  const place = scaffold.mountPoint(target, "directory");
  scaffold.addForeign(target);
  return {
    phase: "mounts",
    ...step,
    paths: { path: step.name, dest: target },
    operations: [...step.operations, ...attach(TREE, place)],
  };
}

/** An empty filesystem in memory. */
export function tmpfs(mount: TmpfsMount, context: MountContext, field: string): NewStep {
  const { target, size, mode, inodes, uid, gid = uid } = mount;
  const options: Record<string, string> = {
    mode: parseMode(mode ?? 0o1777, `${field}.mode`).toString(8),
    ...(size === undefined ? {} : { size: String(parseSize(size, `${field}.size`)) }),
    ...(inodes === undefined ? {} : { nr_inodes: String(inodes) }),
    ...(uid === undefined ? {} : { uid: String(uid) }),
    ...(gid === undefined ? {} : { gid: String(gid) }),
  };
  return {
    phase: "mounts",
    name: "tmpfs",
    sentence: `mount an empty tmpfs${size === undefined ? "" : ` of ${size}`} on "${target}"`,
    paths: { path: "tmpfs", dest: target },
    hints: { EINVAL: "its owner must be in the id map; see idMap()" },
    operations: ownTmpfs(target, context, options, mountAttributes({ ...mount, writable: true })),
  };
}

/** The processes of the pid namespace. */
export function proc(mount: ProcMount, context: MountContext, field: string): NewStep {
  const { target, hidepid, subset } = mount;
  for (const [name, value] of Object.entries({ hidepid, subset })) {
    if (value !== undefined && !context.freshProc) {
      throw new SpecError(
        `${field}.${name}`,
        'a proc of a shared pid namespace is the host\'s, as it is there; unshare("pid")',
      );
    }
  }
  const options = {
    ...(hidepid === undefined ? {} : { hidepid }),
    ...(subset === undefined ? {} : { subset }),
  };
  return mountStep(context, target, {
    name: "proc",
    sentence: context.freshProc
      ? `mount a proc of the sandbox's own on "${target}"${
        Object.entries(options).map(([name, value]) => `, ${name}=${value}`).join("")
      }`
      : `bind the proc of the shared pid namespace on "${target}"`,
    hints: {
      EPERM:
        "a proc with mounts over it (as in a container) forbids a new one; run there with an unmasked /proc",
    },
    operations: context.freshProc
      ? freshFilesystem("proc", options, INERT, "tree")
      : [openTree("/proc", "tree"), setAttributes(TREE, INERT)],
  });
}

/** Terminals. */
export function devpts(mount: DevptsMount, context: MountContext, field: string): NewStep {
  const { target, mode = 0o620, gid, max } = mount;
  const options = {
    ptmxmode: "666",
    mode: parseMode(mode, `${field}.mode`).toString(8),
    ...(gid === undefined ? {} : { gid }),
    ...(max === undefined ? {} : { max }),
  };
  return mountStep(context, target, {
    name: "devpts",
    sentence: `mount terminals of the sandbox's own on "${target}"`,
    hints: { EINVAL: "the group must be in the id map; see idMap()" },
    operations: freshFilesystem("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "tree"),
  });
}

/** Message queues. */
export function mqueue({ target }: MqueueMount, context: MountContext): NewStep {
  return mountStep(context, target, {
    name: "mqueue",
    sentence: `mount the message queues of the ipc namespace on "${target}"`,
    hints: { EPERM: 'the ipc namespace must be the sandbox\'s own; unshare("ipc")' },
    operations: freshFilesystem("mqueue", {}, INERT, "tree"),
  });
}

/** Devices and drivers, read-only. */
export function sysfs({ target }: SysfsMount, context: MountContext): NewStep {
  const attributes = INERT | mountAttributes({});
  return mountStep(context, target, {
    name: "sysfs",
    sentence: context.ownsNet
      ? `mount a sysfs of the sandbox's net namespace read-only on "${target}"`
      : `bind the host's /sys read-only on "${target}"`,
    hints: {
      EPERM:
        "the net namespace must be the sandbox's own, and the host's /sys not covered (as in a container)",
    },
    operations: context.ownsNet
      ? freshFilesystem("sysfs", {}, attributes, "tree")
      : [openTree("/sys", "tree"), setAttributes(TREE, attributes)],
  });
}

/** Cgroups of version 2. */
export function cgroupfs({ target, writable }: CgroupfsMount, context: MountContext): NewStep {
  return mountStep(context, target, {
    name: "cgroupfs",
    sentence: `mount the sandbox's own cgroup ${
      writable ? "writable" : "read-only"
    } on "${target}"`,
    hints: {
      EPERM: 'the cgroup namespace must be the sandbox\'s own; unshare("cgroup")',
      ENODEV: "this kernel has no cgroups of version 2",
    },
    operations: freshFilesystem("cgroup2", {}, INERT | mountAttributes({ writable }), "tree"),
  });
}

/** What shows a namespace of the sandbox's, or may be mounted in any user namespace. */
const INSIDE = [
  "bpf",
  "cgroup",
  "cgroup2",
  "devpts",
  "fuse",
  "mqueue",
  "overlay",
  "proc",
  "ramfs",
  "sysfs",
  "tmpfs",
];

/** Whether a filesystem needs the host's root, who mounts it before there is a sandbox. */
export function isMountedOutside(type: string): boolean {
  return !INSIDE.includes(type);
}

/** A filesystem of any type. */
export function filesystem(mount: FilesystemMount, context: MountContext): NewStep {
  const { type, source, target, options = {}, writable = false } = mount;
  const { sources } = context;
  const outside = sources.opensOutside && isMountedOutside(type);
  const attributes = mountAttributes(mount);
  const cell = outside ? sources.cell() : "tree";
  const make = freshFilesystem(
    type,
    {
      ...(source === undefined ? {} : { source }),
      // Otherwise a journal would be written, though nothing can be written through the mount.
      ...(isMountedOutside(type) && !writable ? { ro: true } : {}),
      ...options,
    },
    attributes,
    cell,
  );
  const hints = {
    ENODEV: `this kernel has no filesystem "${type}"; see /proc/filesystems, or modprobe ${type}`,
    EPERM: "this type can only be mounted by root, or only in namespaces of the sandbox's own",
    ENOTBLK: "the source must be a block device",
    EINVAL: "the source or an option is wrong for this type; the kernel's log may say more",
  };
  const name = source ?? type;
  if (outside) {
    sources.outside.push({
      phase: "outside",
      name: "mount",
      sentence: `mount "${name}", a ${type}, nowhere yet`,
      paths: { path: name, dest: target },
      hints,
      operations: make,
    });
    sources.map(cell, writable);
  }
  return mountStep(context, target, {
    name: "mount",
    sentence: `mount "${name}", a ${type}, ${writable ? "writable" : "read-only"} on "${target}"`,
    hints,
    operations: outside ? [{ call: "SET", args: [{ load32: cell }], store: "tree" }] : make,
  });
}
