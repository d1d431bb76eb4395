/**
 * What a `postStart` hook can do with a sandbox besides signalling it. Loaded when a hook does.
 *
 * @module
 */

import type { HookExecOptions, SandboxStatistics } from "../../hook.ts";
import type { Begun, Command } from "../begin.ts";
import { signalNumber } from "../signal_number.ts";
import { entranceOf, pidNamespaceOf } from "./entrance.ts";
import { execOutput } from "./exec_process.ts";
import { membersOf } from "./members.ts";
import { statisticsOf } from "./statistics.ts";

/** What it uses now. */
function statsOf(begun: Begun): SandboxStatistics {
  const members = membersOf(begun.launch.firstPid ?? 0, pidNamespaceOf(entranceOf(begun)));
  return statisticsOf(members, begun.cgroup?.cgroup);
}

/** What a `postStart` hook is given. */
export function postStartContext<Base extends { readonly signal: AbortSignal }>(
  begun: Begun,
  base: Base,
) {
  const { launch } = begun;
  return {
    ...base,
    spec: structuredClone(launch.spec),
    pid: launch.pid!,
    cgroup: begun.cgroup?.cgroup,
    kill: (signal: Deno.Signal = "SIGTERM") => launch.signal(signalNumber(signal)),
    exec: (command: Command, options: HookExecOptions = {}) =>
      execOutput(entranceOf(begun), command, { signal: base.signal, ...options }),
    stats: () => Promise.resolve(statsOf(begun)),
  };
}
