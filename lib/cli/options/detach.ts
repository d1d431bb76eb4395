/**
 * The options of `paddock run` about sandboxes that outlive it.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { checkLogs } from "../../state/log_options.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";

const DETACHED = "Detached";

/** Whether the sandbox outlives paddock, and what it is called then. */
export const DETACH_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "detach",
    short: "d",
    group: DETACHED,
    help: "print the id, and end when the command runs; see logs, wait and stop",
    apply: (run) => run.detach = true,
  },
  {
    name: "name",
    value: "NAME",
    group: DETACHED,
    help: "what the other commands call it; unique, until it is removed by rm",
    apply: (run, value) => run.name = value,
  },
  {
    name: "log-size",
    value: "SIZE",
    group: DETACHED,
    help: "the most that a file of its output has; default: 10M",
    apply: (run, value) => {
      checkLogs({ size: value });
      run.logs = { ...run.logs, size: value };
    },
  },
  {
    name: "log-files",
    value: "COUNT",
    group: DETACHED,
    help: "how many files of each stream are kept; default: 2",
    apply: (run, value) => {
      if (!/^\d+$/.test(value)) throw new SpecError("value", `"${value}" is no number`);
      checkLogs({ files: Number(value) });
      run.logs = { ...run.logs, files: Number(value) };
    },
  },
];
