/**
 * The step that opens a terminal inside. pty(7).
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";
import type { SandboxSpec } from "../spec.ts";
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "../sys/abi/fcntl.ts";
import { TIOCGPTPEER, TIOCSPTLCK, TIOCSWINSZ } from "../sys/abi/ioctl.ts";
import { sendDescriptor } from "./program_parts.ts";
import type { NewStep } from "./step.ts";
import { windowSize } from "./structs.ts";

/**
 * Opens a terminal of the sandbox's own devpts, so that its name means something inside. The slave
 * stays in the cell `slave`; the master goes out to the host.
 */
export function terminalStep(
  dev: string,
  size: SandboxSpec["tty"],
  user: { uid: number; gid: number },
  socketPlace: number,
): NewStep {
  return {
    phase: "finish",
    name: "terminal",
    sentence: "open a terminal of the sandbox's own and hand its other end out",
    operations: [
      {
        call: "openat",
        args: [{ load32: "root" }, `${dev.slice(1)}/pts/ptmx`, O_RDWR | O_NOCTTY | O_CLOEXEC, 0],
        store: "master",
      },
      ...handOutTerminal(size, user, socketPlace),
    ],
  };
}

/**
 * What is done with a terminal whose master is open in the cell `master`: the slave is opened, and
 * given to the user; the master gets its size and goes out.
 */
export function handOutTerminal(
  size: SandboxSpec["tty"],
  user: { readonly uid: number; readonly gid: number },
  socketPlace: number,
): Operation[] {
  return [
    { call: "ioctl", args: [{ load32: "master" }, TIOCSPTLCK, new Uint8Array(4)] },
    {
      call: "ioctl",
      args: [{ load32: "master" }, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC],
      store: "slave",
    },
    { call: "fchown", args: [{ load32: "slave" }, user.uid, user.gid] },
    // Set before the command runs: one that looks only once must see the right size.
    ...(typeof size === "object"
      ? [{
        call: "ioctl",
        args: [{ load32: "master" }, TIOCSWINSZ, windowSize(size)],
      } as Operation]
      : []),
    ...sendDescriptor({ load32: socketPlace }, "master"),
    { call: "close", args: [{ load32: "master" }] },
  ];
}
