/**
 * The options of `paddock run` about what the command may do.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { CapabilityName } from "../../spec.ts";
import { CAPABILITIES } from "../../sys/abi/capability.ts";
import { nearest } from "../../nearest.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { listValue } from "../values.ts";

const PRIVILEGES = "Privileges";

const NAMES = Object.keys(CAPABILITIES) as CapabilityName[];

/** Capabilities as people write them: `net_raw`, `NET_RAW`, `CAP_NET_RAW`, or `all`. */
function capabilities(value: string): CapabilityName[] {
  return listValue(value).flatMap((word) => {
    if (word.toLowerCase() === "all") return NAMES;
    const name = `CAP_${word.toUpperCase().replace(/^CAP_/, "")}` as CapabilityName;
    if (NAMES.includes(name)) return [name];
    const near = nearest(name, NAMES);
    throw new SpecError(
      "value",
      `"${word}" is no capability; ${near ? `did you mean ${near}?` : "see capabilities(7)"}`,
    );
  });
}

/** The options. */
export const PRIVILEGE_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "cap",
    value: "NAME,..",
    choices: ["all", ...NAMES.map((name) => name.slice("CAP_".length).toLowerCase())],
    group: PRIVILEGES,
    help: "keep a capability, e.g. net_bind_service; all: every one; default: none",
    apply: (run, value) => {
      const { keep = [], ambient } = run.box.spec.capabilities ?? {};
      run.box = run.box.capabilities([...keep, ...capabilities(value)], { ambient });
    },
  },
  {
    name: "seccomp",
    value: "default|none|FILE",
    group: PRIVILEGES,
    help: "which system calls may be made: a profile of ours, of Docker's, or a compiled filter",
    apply: (run, value) => {
      if (value === "") throw new SpecError("value", "is empty; give default, none or a file");
      run.profile = value === "default" || value === "none" ? undefined : value;
      if (run.profile === undefined) {
        const { log } = run.box.spec.seccomp ?? {};
        run.box = run.box.seccomp(value as "default" | "none", { log });
      }
    },
  },
  {
    name: "seccomp-log",
    group: PRIVILEGES,
    help: "count the system calls that are denied, and print them at the end",
    apply: (run) => {
      const { profile = "default" } = run.box.spec.seccomp ?? {};
      run.box = run.box.seccomp(profile, { log: true });
    },
  },
];
