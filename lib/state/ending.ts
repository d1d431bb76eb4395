/**
 * How a sandbox ended, as its keeper wrote it down.
 *
 * @module
 */

import { decodeEvent, EVENT_SIZE, type RawUsage } from "../agent/event.ts";
import { readStatistics } from "../cgroup/statistics.ts";
import { SandboxError } from "../errors.ts";
import type { CgroupStatistics } from "../hook/cgroup.ts";
import { ENDING, endingSize } from "../plan/detached/layout.ts";
import { writeWhole } from "./directory.ts";
import type { SandboxRecord } from "./record.ts";

/** How it ended. */
export interface RecordedEnding {
  /** Its keeper was killed: everything in it ended with that, and nobody knows how. */
  readonly lost: boolean;
  /** The raw wait status of the command. */
  readonly status: number;
  readonly usage: RawUsage;
  /** Whether the time limit ended it. */
  readonly timedOut: boolean;
  /** Bytes of output that could not be written to the logs. */
  readonly lostOutput: { readonly stdout: number; readonly stderr: number };
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds since it had been started. */
  readonly wall: number;
  /** What its cgroup had counted, if it had one. */
  readonly cgroup?: CgroupStatistics;
}

/** What stands in the file instead when there was no keeper any more. */
const LOST = "lost\n";

/** SIGKILL, which is what happens to everybody in it. */
const KILLED = 9;

/** Writes down that nobody knows. */
export function writeLost(record: SandboxRecord): void {
  writeWhole(record.status, LOST);
}

/** Reads how it ended; undefined while it has not. */
export function readEnding(record: SandboxRecord): RecordedEnding | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  let modified: Date | null;
  try {
    bytes = Deno.readFileSync(record.status);
    modified = Deno.statSync(record.status).mtime;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (new TextDecoder().decode(bytes) === LOST) {
    const at = modified?.getTime() ?? Date.now();
    return {
      lost: true,
      status: KILLED,
      usage: { user: 0, system: 0, maxRss: 0 },
      timedOut: false,
      lostOutput: { stdout: 0, stderr: 0 },
      at,
      wall: Math.max(0, at - record.created),
    };
  }
  if (bytes.length < endingSize(record.counted.length)) {
    throw new SandboxError(`the file "${record.status}" is cut off; \`paddock rm\` removes it`);
  }
  return decode(bytes, record);
}

function decode(bytes: Uint8Array<ArrayBuffer>, record: SandboxRecord): RecordedEnding {
  const view = new DataView(bytes.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const { status, usage } = decodeEvent(bytes, ENDING.record);
  const boottime = view.getBigUint64(ENDING.boottime, true) * 1_000_000_000n +
    view.getBigUint64(ENDING.boottime + 8, true);
  const started = BigInt(record.started ?? boottime);
  return {
    lost: false,
    status,
    usage,
    timedOut: word(ENDING.timedOut) !== 0,
    lostOutput: { stdout: word(ENDING.lostStdout), stderr: word(ENDING.lostStderr) },
    at: word(ENDING.realtime) * 1000 + Math.floor(word(ENDING.realtime + 8) / 1e6),
    wall: Number(boottime - started) / 1e6,
    ...(record.cgroups.length === 0 ? {} : { cgroup: counted(bytes, record) }),
  };
}

/** The same reading as of a cgroup that is there, of what was saved of it. */
function counted(bytes: Uint8Array<ArrayBuffer>, record: SandboxRecord): CgroupStatistics {
  const decoder = new TextDecoder();
  const texts = new Map(record.counted.map((path, index) => {
    const from = ENDING.counted + index * ENDING.countedSize;
    const text = decoder.decode(bytes.subarray(from, from + ENDING.countedSize));
    return [path, text.slice(0, text.indexOf("\0"))];
  }));
  return readStatistics({
    layout: record.cgroupLayout,
    paths: record.cgroups,
    read: (path) => texts.get(path) || undefined,
  });
}

/** An ending's file before the end: all its space, so that a full disk cannot keep it from being told. */
export function emptyEnding(files: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(endingSize(files));
}

/** A record of the agent's that says this. */
export function encodeReport(status: number, usage: RawUsage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  const time = (at: number, microseconds: number) => {
    view.setBigInt64(at, BigInt(Math.floor(microseconds / 1e6)), true);
    view.setBigInt64(at + 8, BigInt(Math.floor(microseconds % 1e6)), true);
  };
  view.setUint32(32, status, true);
  time(40, usage.user);
  time(56, usage.system);
  view.setBigInt64(72, BigInt(usage.maxRss), true);
  return bytes;
}
