/**
 * A terminal of a running sandbox's devpts. What lies at `/dev/pts` is the sandbox's to change, so
 * it is looked up without links, and must be a devpts. pty(7).
 *
 * @module
 */

import type { TerminalSize } from "../spec.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../sys/abi/fcntl.ts";
import type { NewStep } from "./step.ts";
import { handOutTerminal } from "./terminal_step.ts";

/** `DEVPTS_SUPER_MAGIC` of `linux/magic.h`. */
const DEVPTS_MAGIC = 0x1cd1;

/** Sizes of buffers that the step names. */
export const TERMINAL_BUFFERS = { statfs: 120 };

/** Opens a terminal inside; its slave stays in the cell `slave`, its master goes to the host. */
export function sandboxTerminalStep(
  size: true | TerminalSize,
  user: { readonly uid: number; readonly gid: number },
  socketPlace: number,
): NewStep {
  const noLinks = { words: [O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS] };
  const here = { words: [O_RDWR | O_NOCTTY | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV] };
  return {
    phase: "finish",
    name: "terminal",
    sentence: "open a terminal of the sandbox's and hand its other end out",
    paths: { path: "/dev/pts/ptmx" },
    hints: {
      ENOENT: "the sandbox has no terminals; give it dev()",
      ELOOP: "something inside has put a link there",
      EINVAL: "what lies there inside is no devpts",
    },
    operations: [
      { call: "openat2", args: [AT_FDCWD, "/dev/pts", noLinks, 24], store: "pts" },
      { call: "fstatfs", args: [{ load32: "pts" }, { at: "statfs" }] },
      {
        call: "SUBTRACT",
        args: [{ load: "statfs" }, DEVPTS_MAGIC],
        onError: "ignore",
        when: { equals: 0 },
        goto: "it is a devpts",
      },
      { call: "SET", args: [-ERRNO.EINVAL] },
      {
        call: "openat2",
        args: [{ load32: "pts" }, "ptmx", here, 24],
        store: "master",
        label: "it is a devpts",
      },
      { call: "close", args: [{ load32: "pts" }] },
      ...handOutTerminal(size, user, socketPlace),
    ],
  };
}
