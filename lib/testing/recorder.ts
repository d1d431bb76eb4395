/**
 * Objects that write down what is called of them.
 *
 * @module
 */

import type { Inside } from "../hook.ts";
import type { Network } from "../net/network.ts";

/** A call that a plugin made. */
export interface RecordedCall {
  /** Whose: the sandbox's inside, the host's network, or the cgroup. */
  readonly on: "inside" | "host" | "cgroup";
  /** What: `"syscall"`, `"descriptor"`, `"run"`, or a network's, such as `"link.add"`. */
  readonly name: string;
  /** With what. */
  readonly args: readonly unknown[];
}

type Answer = (call: RecordedCall) => unknown;

/** What a program that was sent inside left behind, where nobody has said. */
const NOTHING_LEFT = {
  cell: () => 0n,
  bytes: (_: string, length: number) => new Uint8Array(length),
  fds: [],
};

function byDefault({ name }: RecordedCall): unknown {
  if (name === "syscall") return 0;
  // No descriptor of this program's; closing it is an error that nobody looks at.
  if (name === "descriptor") return -1;
  if (name === "run") return NOTHING_LEFT;
  return name.endsWith(".list") ? [] : undefined;
}

/** Makes recording objects, which have any property, or only these. */
export function recorder(
  calls: RecordedCall[],
  answer: Answer | undefined,
): (on: RecordedCall["on"], only?: readonly string[]) => Inside & Network {
  const made = (on: RecordedCall["on"], path: string, only?: readonly string[]): unknown =>
    new Proxy(() => {}, {
      get(_, key) {
        // Whoever awaits it is not to take it for a promise.
        if (typeof key !== "string" || key === "then") return undefined;
        if (only !== undefined && !only.includes(key)) return undefined;
        return made(on, path === "" ? key : `${path}.${key}`);
      },
      async apply(_, __, args: unknown[]) {
        const call = { on, name: path, args };
        calls.push(call);
        // In its own turn, as a real answer comes.
        const given = await answer?.(call);
        return given ?? byDefault(call);
      },
    });
  return (on, only) => made(on, "", only) as Inside & Network;
}
