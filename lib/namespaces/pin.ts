/**
 * Namespaces that stay without a process: bound on a file, as `ip netns` and unshare(1) do it, to be
 * joined later by whoever knows the path. mount(2), namespaces(7).
 *
 * @module
 */

import { SandboxError, SpecError, SyscallError } from "../errors.ts";
import { NAMESPACE_FILE } from "../plan/namespace_steps.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../spec.ts";
import { MNT_DETACH, NSFS_MAGIC, UMOUNT_NOFOLLOW } from "../sys/abi/mount.ts";
import { capabilityMask, capget } from "../sys/capability.ts";
import { makePrivate, mountBind, unmount } from "../sys/mount.ts";
import { filesystemStatus } from "../sys/stat.ts";
import { makeNamespaces, type NewNamespaces } from "./make.ts";
import { foundAt } from "./processes.ts";

/** Where which kinds are to be pinned: paths by kind. */
export type PinPlaces = { readonly [kind in NamespaceKind]?: string };

/** A namespace that has been pinned. */
export interface PinnedNamespace {
  /** Its kind. */
  readonly type: NamespaceKind;
  /** Its inode number. */
  readonly id: number;
  /** The file that it is bound on, by its absolute path. */
  readonly path: string;
}

function mustMount(action: string): void {
  if ((capget().effective & capabilityMask(["CAP_SYS_ADMIN"])) !== 0n) return;
  throw new SandboxError(
    `${action} takes CAP_SYS_ADMIN, for it is a mount; run as root, or let a process keep the namespace: ` +
      "`paddock run --detach`, a pod, or a program that has it open (join { fd } or { pid })",
  );
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

function isPinned(path: string): boolean {
  return filesystemStatus(path).type === NSFS_MAGIC;
}

/** Makes the file if it is missing: whether it was. */
function makeFile(path: string): boolean {
  try {
    Deno.mkdirSync(path.replace(/\/[^/]*$/, "") || "/", { recursive: true });
    Deno.openSync(path, { createNew: true, write: true, mode: 0o444 }).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const { isFile, isSymlink, size } = Deno.lstatSync(path);
  if (isFile && isPinned(path)) {
    throw new SandboxError(
      `"${path}": a namespace is pinned there already; unpin it first, or choose another path`,
    );
  }
  if (isSymlink || !isFile || size > 0) {
    throw new SandboxError(
      `"${path}": there is something else, which a pin would hide; choose a path that is free, or an empty file`,
    );
  }
  return false;
}

/**
 * Binds a namespace on a file. That of a mount namespace can only lie on a private mount, for else
 * it could come to lie within itself; so the file is first bound on itself, and that made private.
 */
function bindAt(type: NamespaceKind, source: string, path: string): void {
  const isMade = makeFile(path);
  let bound = 0;
  try {
    if (type === "mount") {
      mountBind(path, path, { recursive: false });
      bound++;
      makePrivate(path, { recursive: false });
    }
    mountBind(source, path, { recursive: false });
  } catch (error) {
    for (; bound > 0; bound--) unmount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    if (isMade) Deno.removeSync(path);
    if (type === "mount" && error instanceof SyscallError && error.code === "EINVAL") {
      throw new SandboxError(
        // Linux 6.18 counts those that other processors made at the same time in any order.
        `"${path}": a mount namespace can only be pinned in one that is older, and the kernel does not take this program's for that; try it again, or from the machine's first mount namespace`,
        { cause: error },
      );
    }
    throw error;
  }
}

function kindsOf(places: PinPlaces): NamespaceKind[] {
  const unknown = Object.keys(places).find((kind) =>
    !NAMESPACE_KINDS.includes(kind as NamespaceKind)
  );
  if (unknown !== undefined) {
    throw new SpecError("places", `"${unknown}" is none of ${NAMESPACE_KINDS.join(", ")}`);
  }
  const kinds = NAMESPACE_KINDS.filter((kind) => places[kind] !== undefined);
  if (kinds.length === 0) throw new SpecError("places", "name at least one, e.g. { net: PATH }");
  const empty = kinds.find((kind) => places[kind] === "");
  if (empty !== undefined) throw new SpecError(`places.${empty}`, "the path is empty");
  return kinds;
}

/**
 * Pins namespaces: those of a process, such as a running sandbox, or new ones. They stay until
 * {@linkcode unpinNamespace}, or until the machine is restarted, whether anybody is inside or not,
 * and can be joined by their paths: `box.join("net", path)`, `paddock run --join net=PATH`, nsenter(1),
 * and by name with ip-netns(8) where the path is `/run/netns/NAME`. If one cannot be pinned, none is.
 *
 * New ones can be of the kinds `cgroup`, `ipc`, `mount`, `net` (with loopback up) and `uts`. A pid
 * namespace ends with its first process, pinned or not; user and time namespaces want id maps and
 * offsets: make those with a sandbox, and pin its.
 *
 * Errors: a `SandboxError` without CAP_SYS_ADMIN, and where something is at a path already.
 * Permissions: `--allow-all`. Source: mount(2), MS_BIND.
 *
 * ```ts
 * import { pinNamespaces, sandbox, unpinNamespace } from "@paddock/paddock";
 *
 * if (Deno.uid() === 0) {
 *   await pinNamespaces({ uts: "/tmp/paddock-uts" }, { hostname: "fern" });
 *   const box = sandbox().join("uts", "/tmp/paddock-uts");
 *   const { stdout } = await box.output(["hostname"]);
 *   console.log(new TextDecoder().decode(stdout)); // fern
 *   unpinNamespace("/tmp/paddock-uts");
 * }
 * ```
 *
 * @param of The process whose namespaces they are, or what new ones are to be like.
 */
export async function pinNamespaces(
  places: PinPlaces,
  of: { readonly pid: number } | NewNamespaces = {},
): Promise<readonly PinnedNamespace[]> {
  const kinds = kindsOf(places);
  mustMount("pinning a namespace");
  await using source = "pid" in of
    ? { pid: of.pid, async [Symbol.asyncDispose]() {} }
    : makeNamespaces(kinds, of);
  const done: PinnedNamespace[] = [];
  try {
    for (const type of kinds) {
      const path = absolute(places[type]!);
      const file = `/proc/${source.pid}/ns/${NAMESPACE_FILE[type]}`;
      const { id } = foundAt(file)!;
      bindAt(type, file, path);
      done.push({ type, id, path });
    }
  } catch (error) {
    for (const { path } of done.reverse()) unpinNamespace(path);
    throw error;
  }
  return done;
}

/**
 * Takes a pin away, and its file with it. The namespace ends when nobody else keeps it. What is no
 * pin is left alone, and a `SandboxError`.
 *
 * Permissions: `--allow-all`. Source: umount2(2).
 */
export function unpinNamespace(path: string): void {
  const place = absolute(path);
  mustMount("taking a pin away");
  if (!isFile(place) || !isPinned(place)) {
    throw new SandboxError(`"${place}": no namespace is pinned there; \`paddock ns\` shows them`);
  }
  const flags = MNT_DETACH | UMOUNT_NOFOLLOW;
  unmount(place, flags);
  // Of a mount namespace there is the file on itself below.
  if (isMountPoint(place)) unmount(place, flags);
  if (!isPinned(place) && Deno.statSync(place).size === 0) Deno.removeSync(place);
}

function isFile(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function isMountPoint(path: string): boolean {
  const real = Deno.realPathSync(path);
  const escaped = real.replace(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
  return Deno.readTextFileSync("/proc/thread-self/mountinfo").split("\n")
    .some((line) => line.split(" ")[4] === escaped);
}
