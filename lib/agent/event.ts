/**
 * The records that the agent and the sandboxes' pid 1 write. One layout serves all: the
 * interpreter fills in the first three words on an error, `wait4` fills in the end.
 *
 *     0 u32 step   4 i32 minus errno   8 u32 call number   12 u32 kind   16 u32 launch
 *     20 u32 address of the failed operation   24 u64 pid   32 u32 raw wait status   40 struct rusage (144 bytes)
 *
 * @module
 */

/** Bytes of a record; below PIPE_BUF, so that records of many writers never mix. */
export const EVENT_SIZE = 192;

/** Where the fields lie. */
export const EVENT_OFFSET = {
  kind: 12,
  launch: 16,
  address: 20,
  pid: 24,
  status: 32,
  usage: 40,
} as const;

/** What a record is about. */
export const EventKind = {
  /** A step failed. */
  FAILED: 1,
  /** The set-up waits for the host. */
  BARRIER: 2,
  /** The command is running. */
  STARTED: 3,
  /** The agent has reaped a child. */
  REAPED: 4,
  /** The command has ended; pid 1 tells. */
  RESULT: 5,
  /** The sandbox's first process was made; its pidfd comes along. Sent by who made it. */
  FIRST: 6,
  /** The command's process was made; its pidfd comes along. May arrive before `FIRST`. */
  COMMAND: 7,
  /** The process that joins namespaces before the first was made; its pidfd comes along. */
  STAGE: 8,
  /** A descriptor made inside comes along. */
  DESCRIPTOR: 9,
  /** The listener of the command's filter comes along. */
  LISTENER: 10,
  /** An optional step found nothing to do it to. */
  SKIPPED: 11,
  /** What the sandbox can be entered by comes along. */
  HELD: 12,
  /** The command has ended, and something that it started could not be. */
  LEFT: 13,
  /** A step has ended: the time is where the pid and the status are, a `struct timespec`. */
  TRACED: 14,
} as const;

/** CPU time and memory, from `struct rusage`. */
export interface RawUsage {
  /** User time in microseconds. */
  user: number;
  /** System time in microseconds. */
  system: number;
  /** Peak resident set in KiB. */
  maxRss: number;
}

/** A record, decoded. */
export interface AgentEvent {
  step: number;
  errno: number;
  call: number;
  kind: number;
  launch: number;
  address: number;
  pid: number;
  status: number;
  usage: RawUsage;
}

/** Decodes the record at `offset`. */
export function decodeEvent(bytes: Uint8Array<ArrayBuffer>, offset = 0): AgentEvent {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, EVENT_SIZE);
  const time = (at: number) =>
    Number(view.getBigInt64(at, true)) * 1e6 + Number(view.getBigInt64(at + 8, true));
  return {
    step: view.getUint32(0, true),
    errno: -view.getInt32(4, true),
    call: view.getUint32(8, true),
    kind: view.getUint32(EVENT_OFFSET.kind, true),
    launch: view.getUint32(EVENT_OFFSET.launch, true),
    address: view.getUint32(EVENT_OFFSET.address, true),
    pid: view.getUint32(EVENT_OFFSET.pid, true),
    status: view.getUint32(EVENT_OFFSET.status, true),
    usage: {
      user: time(EVENT_OFFSET.usage),
      system: time(EVENT_OFFSET.usage + 16),
      maxRss: Number(view.getBigInt64(EVENT_OFFSET.usage + 32, true)),
    },
  };
}

/** The bytes of a record of this kind, for a program to fill in. */
export function eventTemplate(kind: number, launch = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(EVENT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(EVENT_OFFSET.kind, kind, true);
  view.setUint32(EVENT_OFFSET.launch, launch, true);
  return bytes;
}
