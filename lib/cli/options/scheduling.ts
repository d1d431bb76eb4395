/**
 * The options of `paddock run` about priorities: the processor's, the disk's, the memory's.
 *
 * @module
 */

import type { IoPrioritySpec, PersonalityName, SchedulingPolicy } from "../../spec.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { listValue, numberValue } from "../values.ts";

const PRIORITIES = "Priorities";

/** The options. */
export const SCHEDULING_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "nice",
    value: "N",
    group: PRIORITIES,
    help: "the niceness, from -20, the first, to 19; a lower one than yours is for root",
    apply: (run, value) => run.box = run.box.nice(numberValue(value)),
  },
  {
    name: "scheduler",
    value: "POLICY[:PRIORITY]",
    choices: ["other", "batch", "idle", "fifo:", "rr:"],
    group: PRIORITIES,
    help: "other, batch, idle; or, for root, fifo or rr with a priority from 1 to 99",
    apply: (run, value) => {
      const [policy, priority] = value.split(/:(.*)/s);
      run.box = run.box.scheduler(
        policy as SchedulingPolicy,
        priority === undefined ? {} : { priority: numberValue(priority) },
      );
    },
  },
  {
    name: "cpu-affinity",
    value: "CPUS",
    group: PRIORITIES,
    help: "the processors to run on, e.g. 0-3,8",
    apply: (run, value) => run.box = run.box.cpuAffinity(value),
  },
  {
    name: "io-priority",
    value: "CLASS[:LEVEL]",
    choices: ["realtime", "best-effort", "idle"],
    group: PRIORITIES,
    help: "realtime (for root), best-effort or idle; level 0 comes before level 7",
    apply: (run, value) => {
      const [name, level] = value.split(/:(.*)/s);
      run.box = run.box.ioPriority(
        name as IoPrioritySpec["class"],
        level === undefined ? undefined : numberValue(level),
      );
    },
  },
  {
    name: "oom-score-adj",
    value: "N",
    group: PRIORITIES,
    help: "killed first when the machine is out of memory: from -1000, never, to 1000",
    apply: (run, value) => run.box = run.box.oomScoreAdj(numberValue(value)),
  },
  {
    name: "personality",
    value: "NAME,..",
    group: PRIORITIES,
    help: "of personality(2), e.g. linux32, addr_no_randomize",
    apply: (run, value) => run.box = run.box.personality(...listValue(value) as PersonalityName[]),
  },
];
