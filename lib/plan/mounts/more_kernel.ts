/**
 * The steps that mount the rest of what the kernel makes up: terminals, message queues, devices,
 * cgroups, and filesystems of any other type.
 *
 * @module
 */

import { parseMode } from "../../quantity.ts";
import type {
  CgroupfsMount,
  DevptsMount,
  FilesystemMount,
  MqueueMount,
  SysfsMount,
} from "../../spec.ts";
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from "../../sys/abi/mount.ts";
import type { NewStep } from "../step.ts";
import { mountAttributes } from "./attributes.ts";
import { INERT, kernelMount } from "./kernel.ts";
import { freshFilesystem, type MountContext, setAttributes, TREE } from "./parts.ts";
import { openTree } from "./sources.ts";

/** Terminals. */
export function devpts(mount: DevptsMount, context: MountContext, field: string): NewStep {
  const { target, mode = 0o620, gid, max } = mount;
  const options = {
    ptmxmode: "666",
    mode: parseMode(mode, `${field}.mode`).toString(8),
    ...(gid === undefined ? {} : { gid }),
    ...(max === undefined ? {} : { max }),
  };
  return kernelMount(context, target, {
    name: "devpts",
    sentence: `mount terminals of the sandbox's own on "${target}"`,
    hints: { EINVAL: "the group must be in the id map; see idMap()" },
    operations: freshFilesystem("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "tree"),
  });
}

/** Message queues. */
export function mqueue({ target }: MqueueMount, context: MountContext): NewStep {
  return kernelMount(context, target, {
    name: "mqueue",
    sentence: `mount the message queues of the ipc namespace on "${target}"`,
    hints: { EPERM: 'the ipc namespace must be the sandbox\'s own; unshare("ipc")' },
    operations: freshFilesystem("mqueue", {}, INERT, "tree"),
  });
}

/** Devices and drivers, read-only. */
export function sysfs({ target }: SysfsMount, context: MountContext): NewStep {
  const attributes = INERT | mountAttributes({});
  return kernelMount(context, target, {
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
  return kernelMount(context, target, {
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
  return kernelMount(context, target, {
    name: "mount",
    sentence: `mount "${name}", a ${type}, ${writable ? "writable" : "read-only"} on "${target}"`,
    hints,
    operations: outside ? [{ call: "SET", args: [{ load32: cell }], store: "tree" }] : make,
  });
}
