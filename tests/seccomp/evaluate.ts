/**
 * What a policy says of a call, straight from its rules: the meaning that a compiled filter must
 * have.
 *
 * @module
 */

import type { SeccompAction, SeccompArch } from "../../lib/spec.ts";
import { callNumber, type FlatPolicy } from "../../lib/seccomp/outcomes.ts";
import { holds } from "../../lib/seccomp/tests.ts";

/** A call by its architecture, number and arguments. */
export interface EvaluatedCall {
  readonly arch: SeccompArch;
  readonly number: number;
  readonly arguments: readonly bigint[];
}

/** The action, and the rule that decided, unless none did. */
export interface Verdict {
  readonly action: SeccompAction;
  readonly rule?: number;
}

/** Asks a policy. */
export function evaluate(policy: FlatPolicy, call: EvaluatedCall): Verdict {
  if (!policy.architectures.includes(call.arch)) return { action: "kill" };
  const number = call.number >>> 0;
  if (call.arch === "x86_64" && number >= 0x4000_0000) {
    return { action: number === 0xffff_ffff ? policy.otherwise : "kill" };
  }
  for (const [index, { calls, action, when = [] }] of policy.rules.entries()) {
    const numbers = calls.map((name) => callNumber(name, call.arch)).filter((it) =>
      it !== undefined
    );
    if (!numbers.includes(number)) continue;
    if (when.every((test) => holds(test, call.arguments[test.argument] ?? 0n))) {
      return { action, rule: index };
    }
  }
  const named = policy.rules.flatMap(({ calls }) => calls)
    .map((name) => callNumber(name, call.arch) ?? -1);
  const beyond = number > Math.max(-1, ...named) ? policy.beyond : undefined;
  return { action: beyond ?? policy.otherwise };
}
