/**
 * Turns what a caller says of standard input, output and error into descriptors.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from "../sys/abi/fcntl.ts";
import { check, cString, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";
import { makePipe } from "./pipe.ts";

/**
 * Where a standard stream comes from or goes to: the program's own, nowhere, a stream to read or
 * write here, an open descriptor, or a file of the host.
 */
export type Stdio =
  | "inherit"
  | "null"
  | "piped"
  | number
  | { file: string; append?: boolean };

/** The sandbox's ends, and ours where there is a pipe. */
export interface StdioFds {
  /** For the sandbox: standard input, output, error. */
  readonly theirs: readonly [number, number, number];
  /** The host's ends of pipes. */
  readonly ours: readonly [number | undefined, number | undefined, number | undefined];
  /** Closes the sandbox's ends that were made for it; more than once does no harm. */
  release(): void;
  /** Closes everything, when nothing came of it. */
  abandon(): void;
}

/**
 * `/dev/null`, opened for one stream of one launch: flags that can be set (fcntl(2), F_SETFL and
 * F_SETSIG) belong to what was opened, and would be seen by other sandboxes that share it.
 */
function devNull(flags: number): number {
  return check(
    syscall("openat", AT_FDCWD, cString("/dev/null"), flags | O_CLOEXEC, 0),
    "openat",
    { path: "/dev/null" },
  );
}

const STATX_TYPE = 1, MODE_OFFSET = 28, S_IFMT = 0o170000, S_IFDIR = 0o040000;
const statx = new Uint8Array(256);
const statxView = new DataView(statx.buffer);

/** A directory as a stream is a way out: `/proc/self/fd/0/..` is the host's (CVE-2024-21626). */
function refuseDirectory(fd: number, name: string): void {
  const result = rawSyscall(SYS.statx, fd, cString(""), AT_EMPTY_PATH, STATX_TYPE, statx);
  if (result === 0 && (statxView.getUint16(MODE_OFFSET, true) & S_IFMT) === S_IFDIR) {
    throw new SpecError(name, "a directory as a stream would lead out of the sandbox; bind it");
  }
}

/** Makes the descriptors; if one fails, none is left open. */
export function openStdio(choices: readonly [Stdio, Stdio, Stdio]): StdioFds {
  const made: number[] = [];
  const ours: [number | undefined, number | undefined, number | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  const theirs: number[] = [];
  const close = (fds: readonly number[]) => fds.forEach((fd) => syscall("close", fd));
  try {
    choices.forEach((choice, index) => {
      const name = ["stdin", "stdout", "stderr"][index]!;
      if (choice === "inherit") {
        refuseDirectory(index, name);
        theirs.push(index);
      } else if (choice === "null") {
        const fd = devNull(index === 0 ? O_RDONLY : O_WRONLY);
        made.push(fd);
        theirs.push(fd);
      } else if (choice === "piped") {
        const [reader, writer] = makePipe();
        const [their, our] = index === 0 ? [reader, writer] : [writer, reader];
        made.push(their);
        theirs.push(their);
        ours[index] = our;
      } else if (typeof choice === "number") {
        if (!Number.isInteger(choice) || choice < 0) {
          throw new SpecError(name, `${choice} is not a descriptor`);
        }
        refuseDirectory(choice, name);
        theirs.push(choice);
      } else if (typeof choice?.file === "string") {
        const flags = index === 0
          ? O_RDONLY
          : O_WRONLY | O_CREAT | (choice.append ? O_APPEND : O_TRUNC);
        const fd = check(
          syscall("openat", AT_FDCWD, cString(choice.file), flags | O_CLOEXEC, 0o666),
          "openat",
          { path: choice.file, hint: `it was to be the command's ${name}` },
        );
        made.push(fd);
        refuseDirectory(fd, name);
        theirs.push(fd);
      } else {
        throw new SpecError(
          name,
          `"${choice}" is none of inherit, null, piped, a descriptor, { file }`,
        );
      }
    });
  } catch (error) {
    close(made);
    close(ours.filter((fd) => fd !== undefined));
    throw error;
  }
  return {
    theirs: theirs as unknown as [number, number, number],
    ours,
    release: () => close(made.splice(0)),
    abandon: () => close([...made.splice(0), ...ours.filter((fd) => fd !== undefined)]),
  };
}
