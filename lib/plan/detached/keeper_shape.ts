/**
 * What the parts of a keeper's program share: what it is made for, and what it polls.
 *
 * @module
 */

import type { Operation, Place } from "../../agent/operation.ts";
import { POLL_ANSWER } from "../../agent/words.ts";

/** What a keeper is made for. */
export interface KeeperShape {
  /** Pid 1 of the sandbox, as the agent numbers it. */
  readonly firstPid: number;
  /** The number in {@linkcode KEEPER_FD} or behind it of each descriptor that comes with the request. */
  readonly fds: readonly number[];
  /** The most bytes of a log file, and how many files a stream has. */
  readonly logs: { readonly size: number; readonly files: number };
  /** Milliseconds until everything is killed. */
  readonly timeout?: number;
  /** How many files of the cgroup are saved. */
  readonly counted: number;
  /** Pid 1's report has been read and written down already. */
  readonly reported: boolean;
  /** It has ended already, and only the rest is to be done. */
  readonly ended: boolean;
}

/** For what is not moved but read: the contents of a cgroup's file, or output that is lost. */
export const PAGE = 4096;
/** The entries of the poll. */
export const POLLED = { signals: 0, status: 1, stdout: 2, stderr: 3, timer: 4 } as const;
/** Nobody: ppoll(2) leaves an entry with a negative descriptor out. */
export const NOBODY = 0xffff_ffff;

export function entry(which: keyof typeof POLLED, offset = 0): Place {
  return { name: "polled", offset: POLLED[which] * 8 + offset };
}

/** Goes on at `to` when the entry has no answer. */
export function unless(which: keyof typeof POLLED, to: string, label?: string): Operation {
  return {
    call: "AND",
    args: [{ load: entry(which) }, POLL_ANSWER],
    when: { equals: 0 },
    goto: to,
    label,
  };
}
