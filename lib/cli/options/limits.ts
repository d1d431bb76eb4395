/**
 * The options of `paddock run` about how much the sandbox may use.
 *
 * @module
 */

import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { limitText } from "../../schema/time.ts";
import { decimalValue, ioValue, numberValue, pair, rlimitValue } from "../values.ts";

const LIMITS = "Limits";

/** The options. */
export const LIMIT_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "memory",
    value: "SIZE",
    group: LIMITS,
    help: "all of its memory, with files in tmpfs, e.g. 256M; no swap, but for --swap",
    apply: (run, value) => run.box = run.box.limits({ memory: value }),
  },
  {
    name: "memory-high",
    value: "SIZE",
    group: LIMITS,
    help: "slow down whoever asks for more than this (cgroup v2)",
    apply: (run, value) => run.box = run.box.limits({ memoryHigh: value }),
  },
  {
    name: "swap",
    value: "SIZE",
    group: LIMITS,
    help: "swap beside the memory",
    apply: (run, value) => run.box = run.box.limits({ swap: value }),
  },
  {
    name: "oom-group",
    group: LIMITS,
    help: "when memory ends, kill all, not only the largest process (cgroup v2)",
    apply: (run) => run.box = run.box.limits({ oomGroup: true }),
  },
  {
    name: "cpus",
    value: "N",
    group: LIMITS,
    help: "processors' time, e.g. 0.5 for half of one's",
    apply: (run, value) => run.box = run.box.limits({ cpus: decimalValue(value) }),
  },
  {
    name: "cpu-weight",
    value: "N",
    group: LIMITS,
    help: "the share when others want the processors too, from 1 to 10000; usual is 100",
    apply: (run, value) => run.box = run.box.limits({ cpuWeight: numberValue(value) }),
  },
  {
    name: "pids",
    value: "N",
    group: LIMITS,
    help: "how many processes and threads there may be",
    apply: (run, value) => run.box = run.box.limits({ pids: numberValue(value) }),
  },
  {
    name: "cpuset",
    value: "CPUS",
    group: LIMITS,
    help: "the processors to run on, e.g. 0-3,8; nobody inside can leave them",
    apply: (run, value) => run.box = run.box.limits({ cpuset: value }),
  },
  {
    name: "memory-nodes",
    value: "NODES",
    group: LIMITS,
    help: "the memory nodes to use, e.g. 0",
    apply: (run, value) => run.box = run.box.limits({ memoryNodes: value }),
  },
  {
    name: "io",
    value: "DEVICE:KEY=N,..",
    group: LIMITS,
    help: "rates of a disk: rbps, wbps (bytes), riops, wiops, e.g. /dev/sda:wbps=10M",
    apply: (run, value) => {
      run.box = run.box.limits({ io: [...run.box.spec.limits?.io ?? [], ioValue(value)] });
    },
  },
  {
    name: "io-weight",
    value: "N",
    group: LIMITS,
    help: "the share when others want the disks too, from 1 to 10000; usual is 100",
    apply: (run, value) => run.box = run.box.limits({ ioWeight: numberValue(value) }),
  },
  {
    name: "hugetlb",
    value: "PAGE=SIZE",
    group: LIMITS,
    help: "huge pages by their size, e.g. 2M=64M",
    apply: (run, value) => {
      const [page, size] = pair(value, "=", "PAGE=SIZE");
      const hugetlb = { ...run.box.spec.limits?.hugetlb, [page]: size };
      run.box = run.box.limits({ hugetlb });
    },
  },
  {
    name: "cgroup-parent",
    value: "CGROUP",
    group: LIMITS,
    help: "where to make its cgroup, e.g. one that was delegated; default: in yours",
    apply: (run, value) => run.box = run.box.limits({ parent: value }),
  },
  {
    name: "timeout",
    value: "TIME",
    group: LIMITS,
    help: "kill everything inside after this time, e.g. 500ms, 30s, 5m; exit code 124",
    apply: (run, value) => run.box = run.box.timeout(limitText(value, "value")),
  },
  {
    name: "rlimit",
    value: "NAME=VALUE[:HARD]",
    group: LIMITS,
    help: "a resource limit of getrlimit(2), e.g. nofile=256, fsize=1G, core=0:unlimited",
    apply: (run, value) => run.box = run.box.rlimit(...rlimitValue(value)),
  },
];
