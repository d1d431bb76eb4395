/**
 * What a detached sandbox's keeper and those who come later agree on: its descriptors, the names of
 * its files, and how the end is written down.
 *
 * @module
 */

import { EVENT_SIZE } from "../../agent/event.ts";

/** The keeper's descriptors; what it opens itself has the lowest numbers. */
export const KEEPER_FD = {
  /** Its end of the sandbox's socket, which nobody else holds: its end is the sandbox's. */
  launch: 128,
  /** Here pid 1 reports. */
  status: 129,
  stdout: 130,
  stderr: 131,
  /** The sandbox's directory among the state. */
  directory: 132,
  /** Pid 1, as a pidfd. */
  first: 133,
  /** The command, as a pidfd. */
  command: 134,
  /** The file that says how it ended, which has all its space already. */
  ending: 135,
  /** A byte is written here when it has begun. */
  ready: 136,
  /** Whoever waits at the other end removes the cgroup. */
  cgroup: 137,
  /** Version 1's `freezer.state`: a frozen process does not even die. */
  freezer: 138,
  /** The lock on the image that is the root. */
  image: 139,
  /** The first of what the sandbox handed out, to be entered by: `/proc/KEEPER/fd/N`. */
  held: 144,
  /** The first of the cgroup's files that are saved. */
  counted: 160,
} as const;

/** The most files of a cgroup that are saved. */
export const MOST_COUNTED = 16;

/** The files of a stream: the newest, and from 1 on the older ones. */
export function logName(stream: "stdout" | "stderr", age: number): string {
  return `${stream}.log${age === 0 ? "" : `.${age}`}`;
}

/** The name of the file that says how it ended, while it is made and when it is whole. */
export const ENDING_NAME = { partial: "status.new", whole: "status" } as const;

/** Where what is in the file that says how it ended; words of 64 bits but for the record. */
export const ENDING = {
  /** The agent's record with the wait status and the usage. */
  record: 0,
  /** Whether the time limit ended it. */
  timedOut: EVENT_SIZE,
  /** Bytes of standard output that could not be written to the log. */
  lostStdout: EVENT_SIZE + 8,
  /** The same of standard error. */
  lostStderr: EVENT_SIZE + 16,
  /** `struct timespec` of CLOCK_BOOTTIME. */
  boottime: EVENT_SIZE + 24,
  /** `struct timespec` of CLOCK_REALTIME. */
  realtime: EVENT_SIZE + 40,
  /** The texts of the cgroup's files, so many bytes for each, with NULs behind. */
  counted: 256,
  countedSize: 1024,
} as const;

/** Bytes from `timedOut` to the end of `realtime`. */
export const ENDING_TAIL = 56;

/** Bytes of that file. */
export function endingSize(counted: number): number {
  return ENDING.counted + counted * ENDING.countedSize;
}
