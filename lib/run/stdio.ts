/**
 * Turns what a caller says of standard input, output and error into descriptors.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import {
  AT_FDCWD,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../sys/abi/fcntl.ts";
import { check, cString, syscall } from "../sys/libc.ts";
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

let nullFd: number | undefined;

/** `/dev/null`, opened once. */
function devNull(): number {
  return nullFd ??= check(
    syscall("openat", AT_FDCWD, cString("/dev/null"), O_RDWR | O_CLOEXEC, 0),
    "openat",
    { path: "/dev/null" },
  );
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
      if (choice === "inherit") theirs.push(index);
      else if (choice === "null") theirs.push(devNull());
      else if (choice === "piped") {
        const [reader, writer] = makePipe();
        const [their, our] = index === 0 ? [reader, writer] : [writer, reader];
        made.push(their);
        theirs.push(their);
        ours[index] = our;
      } else if (typeof choice === "number") {
        if (!Number.isInteger(choice) || choice < 0) {
          throw new SpecError(name, `${choice} is not a descriptor`);
        }
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
