/**
 * Probes of what a sandbox's files are made of.
 *
 * @module
 */

import { memoryKeepsChanges } from "../run/ephemeral.ts";
import { sandbox } from "../sandbox.ts";
import * as clone from "../sys/abi/clone.ts";
import type { RawArgument } from "../sys/clone.ts";
import { type Finds, type Probe, reasonOf, works } from "./finding.ts";
import { tryCalls } from "./try_calls.ts";

/** Mounts something in namespaces of its own: the errno's name if that is refused. */
function tryMount(...args: RawArgument[]): string | undefined {
  // With user namespaces, for that is how sandboxes do it, and root as well.
  const flags = clone.CLONE_NEWUSER | clone.CLONE_NEWNS | clone.CLONE_NEWPID;
  const error = tryCalls(flags, [{ name: "mount", args }]);
  return error && `${error.syscall}: ${error.code}`;
}

function memoryFiles(): Finds {
  const error = tryMount("probe", "/proc", "tmpfs", 0, null);
  if (error === undefined) return works("a tmpfs was mounted in a user namespace");
  return {
    status: "missing",
    detail: error,
    cost: "no sandbox starts: its root is one",
    remedy:
      "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or run as root",
  };
}

/** Mounts over parts of /proc, which the kernel does not let a new one show again. */
function maskedPaths(): string[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .map((line) => line.split(" ")[4] ?? "").filter((path) => path.startsWith("/proc/"));
}

function ownProc(): Finds {
  const error = tryMount("probe", "/proc", "proc", 0, null);
  if (error === undefined) return works("a proc of its own was mounted");
  const masked = maskedPaths();
  const over = masked.length === 0 ? "" : `; mounts over the present one: ${masked.join(" ")}`;
  return {
    status: "missing",
    detail: error + over,
    cost: "sandboxes with a pid namespace of their own do not start",
    remedy: masked.length === 0
      ? "run as root, or with --share pid"
      : "start the container with --security-opt systempaths=unconfined (podman: unmask=ALL), or run with --share pid",
  };
}

function stacks(): Finds {
  const error = tryMount("overlay", "/proc", "overlay", 0, "lowerdir=/usr:/etc");
  if (error === undefined) return works("directories were stacked in a user namespace");
  return {
    status: "missing",
    detail: error,
    cost: "no overlays, no images of several layers, no --overlay-root",
    remedy: error.endsWith("ENODEV") ? "sudo modprobe overlay" : "run as root",
  };
}

async function changes(): Promise<Finds> {
  const box = sandbox().timeout("20s").overlay("/mnt", { lower: ["/etc"], upper: "ephemeral" });
  try {
    const { success } = await box.output(["/bin/sh", "-c", "mkdir /mnt/probe"]);
    if (!success) throw new Error("nothing could be written");
    if (memoryKeepsChanges(box.spec)) return works("they are kept in memory");
    return {
      status: "limited",
      detail: "they are kept in /var/tmp while the sandbox lives",
      cost: "disk instead of memory; a tmpfs keeps them from Linux 6.6 on",
    };
  } catch (error) {
    return {
      status: "missing",
      detail: reasonOf(error),
      cost: 'no { upper: "ephemeral" }, no --overlay-root, no changes on images',
      remedy: "keep changes in a directory: { upper: DIR }",
    };
  }
}

async function mappedMounts(): Promise<Finds> {
  if (Deno.uid() !== 0) return works("not needed: what you bind is yours inside as well");
  const directory = await Deno.makeTempDir({ prefix: "paddock-probe-" });
  try {
    await sandbox().timeout("20s").bind(directory, "/mnt", { writable: true })
      .output(["/bin/sh", "-c", ": >/mnt/probe"]);
    return works(`the filesystem of ${directory.slice(0, directory.lastIndexOf("/"))} takes them`);
  } catch (error) {
    return {
      status: "limited",
      detail: reasonOf(error),
      cost: "root cannot bind writable directories of this filesystem without an idMap()",
      remedy: "keep them on ext4, xfs, btrfs or tmpfs (Linux 6.3), or give idMap()",
    };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** In their order. */
export const FILES: readonly Probe[] = [
  {
    id: "tmpfs",
    needs: "user-namespaces",
    group: "Files",
    title: "files in memory",
    look: memoryFiles,
  },
  {
    id: "proc",
    needs: "user-namespaces",
    group: "Files",
    title: "a /proc of its own",
    look: ownProc,
  },
  { id: "overlay", needs: "user-namespaces", group: "Files", title: "overlays", look: stacks },
  {
    id: "overlay-changes",
    needs: "sandbox",
    group: "Files",
    title: "changes in memory",
    look: changes,
  },
  {
    id: "idmapped-mounts",
    needs: "sandbox",
    group: "Files",
    title: "id-mapped binds",
    look: mappedMounts,
  },
];
