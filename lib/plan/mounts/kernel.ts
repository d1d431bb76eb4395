/**
 * The steps that mount what the kernel makes up: processes and memory. The rarer ones are in
 * `more_kernel.ts`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import type { ProcMount, TmpfsMount } from "../../spec.ts";
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

/** No devices, no programs. */
export const INERT = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/** Mounts a detached filesystem that the operations leave in the cell `tree`. */
export function kernelMount(
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
  return kernelMount(context, target, {
    name: "proc",
    sentence: context.freshProc
      ? `mount a proc of the sandbox's own on "${target}"${
        Object.entries(options).map(([name, value]) => `, ${name}=${value}`).join("")
      }`
      : `bind the proc of the shared pid namespace on "${target}"`,
    hints: {
      EPERM:
        "a proc with mounts over it (as in a container) forbids a new one; run there with an unmasked /proc. Of a pid namespace that was joined, join its user namespace, too",
    },
    operations: context.freshProc
      ? freshFilesystem("proc", options, INERT, "tree")
      : [openTree("/proc", "tree"), setAttributes(TREE, INERT)],
  });
}
