/**
 * How a detached sandbox ended, in the words in which an attached one's status says it.
 *
 * @module
 */

import type { Usage } from "../../hook.ts";
import { readEnding } from "../../state/ending.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { cgroupUsage } from "../supervise.ts";
import { type ExitStatus, exitStatus } from "../wait_status.ts";

/** How it ended. */
export interface Outcome extends ExitStatus {
  /** Time and memory. */
  readonly usage: Usage;
  /** Whether a process in it was killed because its memory ended; needs `limits()`. */
  readonly oomKilled: boolean;
  /** Whether the time limit ended it. */
  readonly timedOut: boolean;
  /** Its keeper was killed, and it with it: the rest says nothing. */
  readonly lost: boolean;
  /** Bytes of output that the logs do not have, because the disk was full. */
  readonly lostOutput: { readonly stdout: number; readonly stderr: number };
  /** When it ended, as ISO 8601. */
  readonly finished: string;
}

/** How it ended; undefined while it has not. */
export function outcomeOf(record: SandboxRecord): Outcome | undefined {
  const ending = readEnding(record);
  if (ending === undefined) return undefined;
  const { usage, cgroup, lost, timedOut, lostOutput, wall, at } = ending;
  return {
    ...exitStatus(ending.status),
    usage: {
      wall,
      user: usage.user / 1000,
      system: usage.system / 1000,
      maxRss: usage.maxRss * 1024,
      ...(cgroup === undefined ? {} : cgroupUsage(cgroup)),
    },
    oomKilled: (cgroup?.memory?.oomKills ?? 0) > 0,
    timedOut,
    lost,
    lostOutput,
    finished: new Date(at).toISOString(),
  };
}
