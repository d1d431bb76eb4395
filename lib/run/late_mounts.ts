/**
 * Opens the source of a bind that a hook adds when the sandbox of a privileged caller has lost the
 * right to do it itself: the tree is opened here, id-mapped if writable, and handed in.
 *
 * @module
 */

import type { InsideProgram, InsideResult } from "../hook.ts";
import { UnsupportedError } from "../errors.ts";
import { isMountedOutside } from "../plan/mounts/more_kernel.ts";
import type { BindMount, MountSpec } from "../spec.ts";
import { O_CLOEXEC, O_RDONLY } from "../sys/abi/fcntl.ts";
import { MOUNT_ATTR_IDMAP } from "../sys/abi/mount.ts";
import { MSG_CMSG_CLOEXEC } from "../sys/abi/socket.ts";
import { close, open } from "../sys/file.ts";
import { mountSetattr, openTree } from "../sys/mount_api.ts";

/** Runs a program inside and sends it a descriptor as it starts. */
export type RunWithFd = (program: InsideProgram, fd: number) => Promise<InsideResult>;

/** The program that takes a descriptor from the socket; its number ends up in the control bytes. */
function receiver(socket: number): InsideProgram {
  return {
    buffers: { received: 8, "received control": 24 },
    operations: [{
      call: "recvmsg",
      args: [
        { load32: socket },
        {
          words: [0, 0, { words: [{ at: "received" }, 8] }, 1, { at: "received control" }, 24, 0],
        },
        MSG_CMSG_CLOEXEC,
      ],
    }],
  };
}

/** Throws for a mount that can no longer be made when hooks run, for it begins before the clone. */
export function checkLate(mount: MountSpec, root: boolean, privileged: boolean): void {
  const refuse = (what: string): never => {
    throw new UnsupportedError(
      `${what} added by a preMount hook`,
      "add it in the description, or in a configure hook",
    );
  };
  if (mount.kind === "bind") {
    if (typeof mount.source === "object") refuse("a bind of a descriptor");
    if (mount.idMap && root) refuse("a bind with owners of its own");
  }
  if (!privileged) return;
  if (mount.kind === "overlay") refuse("an overlay");
  if (mount.kind === "filesystem" && isMountedOutside(mount.type)) refuse(`a ${mount.type}`);
}

/** Opens a bind's source and hands it in; resolves to the descriptor's number inside. */
export async function adoptMount(
  mount: BindMount,
  pid: number,
  socket: number,
  mapped: boolean,
  run: RunWithFd,
): Promise<number> {
  if (mount.writable && !mapped) {
    throw new UnsupportedError(
      `a writable bind of "${mount.source}" added by a hook`,
      "root's files can only be mapped here if the command has root's own number; leave out user(), or bind it in the description",
    );
  }
  const tree = openTree(mount.source as string, { recursive: mount.recursive });
  try {
    const userns = open(`/proc/${pid}/ns/user`, { flags: O_RDONLY | O_CLOEXEC });
    try {
      mountSetattr(tree, { set: MOUNT_ATTR_IDMAP, userns });
    } catch (error) {
      // Without it, less can be read; what is to be written must have it.
      if (mount.writable) throw error;
    } finally {
      close(userns);
    }
    const result = await run(receiver(socket), tree);
    const control = result.bytes("received control", 24);
    return new DataView(control.buffer, control.byteOffset).getInt32(16, true);
  } finally {
    close(tree);
  }
}
