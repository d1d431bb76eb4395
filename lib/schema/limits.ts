/**
 * The schema of limits and priorities.
 *
 * @module
 */

import { PERSONALITIES } from "../spec/scheduling.ts";
import type { RlimitName } from "../spec/limits.ts";
import { RLIMITS } from "../sys/abi/resource.ts";
import { either, flag, list, number, record, size, text, word } from "./node.ts";

/** The names of the resource limits. */
export const RLIMIT_NAMES: readonly RlimitName[] = Object.keys(RLIMITS)
  .map((name) => name.slice("RLIMIT_".length).toLowerCase() as RlimitName).sort();

const bound = either("A number, or `unlimited`.", [
  number("A number.", 0),
  word("No limit.", ["unlimited"]),
]);

const rlimit = either("A number, `unlimited`, or a soft and a hard limit.", [
  ...bound.of as [typeof bound.of[0], typeof bound.of[1]],
  record("Two limits.", { soft: bound, hard: bound }, ["soft", "hard"]),
], { example: "64" });

/** Resource limits of a process. */
export const RLIMITS_NODE = record(
  "Resource limits of the command and what it starts, each for itself; see getrlimit(2).",
  Object.fromEntries(RLIMIT_NAMES.map((name) => [name, rlimit])) as Record<
    RlimitName,
    typeof rlimit
  >,
);

const weight = (about: string) => number(about, 1, 10_000, { default: "100" });

/** Limits of all of a sandbox. */
export const LIMITS = record(
  "What all of the sandbox may use together.",
  {
    memory: size("Memory.", { least: 4096, example: "256M" }),
    memoryHigh: size("From here on it is slowed down. cgroup v2 only."),
    swap: size("Swap beside the memory.", { default: "none where `memory` is limited" }),
    oomGroup: flag("Kill all inside when memory ends. cgroup v2 only."),
    cpus: {
      is: "number",
      decimal: true,
      least: 0.01,
      about: "Processors' time; 0.5 is half of one's.",
      example: "0.5",
    },
    cpuWeight: weight("The share of the processors when others want them too."),
    pids: number("Processes and threads.", 1, 4_194_304, { example: "64" }),
    cpuset: { is: "cpus", about: "The processors to run on.", example: '"0-3"' },
    memoryNodes: { is: "cpus", about: "The memory nodes to use.", example: '"0"' },
    io: list(
      "How fast block devices may be used.",
      record("One of them.", {
        device: text('The whole disk: its path, or its numbers, such as "8:0".', {
          pattern: "^(/.*|\\d+:\\d+)$",
          called: 'a device: a path, or numbers such as "8:0"',
          example: "/dev/sda",
        }),
        rbps: size("Bytes read a second.", { least: 1 }),
        wbps: size("Bytes written a second.", { least: 1 }),
        riops: number("Reads a second.", 1),
        wiops: number("Writes a second.", 1),
      }, ["device"]),
      { merge: "append" },
    ),
    ioWeight: weight("The share of block devices when others want them too."),
    hugetlb: {
      is: "dictionary",
      about: "Huge pages by their size.",
      keys: { is: "size", least: 4096, example: "2M" },
      of: size("At most so much."),
      example: "{ 2M: 64M }",
    },
    parent: text("The cgroup to make the sandbox's in.", {
      pattern: "^/[^\\0]*$",
      called: "the absolute path of a cgroup",
      default: "the caller's own",
    }),
  },
  [],
  {
    meant: {
      mem: "memory",
      ram: "memory",
      memory_limit: "memory",
      cpu: "cpus",
      processes: "pids",
      pids_limit: "pids",
      time: 'a time limit is "timeout", beside "limits"',
      timeout: 'a time limit is "timeout", beside "limits"',
      nofile: 'limits of a single process are in "rlimits"',
    },
  },
);

/** How the command is scheduled. */
export const SCHEDULER = record("How the command is scheduled.", {
  policy: word("The policy; `fifo` and `rr` are for root.", [
    "other",
    "batch",
    "idle",
    "fifo",
    "rr",
  ]),
  priority: number("For `fifo` and `rr` only.", 1, 99),
  resetOnFork: flag("What the command starts is scheduled as usual."),
}, ["policy"]);

/** Whose requests go to the disk first. */
export const IO_PRIORITY = record("Whose requests go to the disk first.", {
  class: word("The class; `realtime` is for root.", ["realtime", "best-effort", "idle"]),
  level: number("From 0, the first, to 7; not for `idle`.", 0, 7, { default: "4" }),
}, ["class"]);

/** The niceness. */
export const NICE = number("Niceness.", -20, 19, { default: "the caller's" });

/** Who is killed first when the machine is out of memory. */
export const OOM_SCORE_ADJ = number(
  "Who is killed first when the machine is out of memory; -1000: never.",
  -1000,
  1000,
  { default: "the caller's" },
);

/** The execution domain and its flags. */
export const PERSONALITY = list(
  "The execution domain and its flags.",
  word("A name of personality(2).", PERSONALITIES),
);
