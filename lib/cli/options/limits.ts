/**
 * The options of `paddock run` about how much the sandbox may use.
 *
 * @module
 */

import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { rlimitValue, timeValue } from "../values.ts";

const LIMITS = "Limits";

/** The options. */
export const LIMIT_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "timeout",
    value: "TIME",
    group: LIMITS,
    help: "kill everything inside after this time, e.g. 500ms, 30s, 5m; exit code 124",
    apply: (run, value) => run.box = run.box.timeout(timeValue(value)),
  },
  {
    name: "rlimit",
    value: "NAME=VALUE[:HARD]",
    group: LIMITS,
    help: "a resource limit of getrlimit(2), e.g. nofile=256, fsize=1G, core=0:unlimited",
    apply: (run, value) => run.box = run.box.rlimit(...rlimitValue(value)),
  },
];
