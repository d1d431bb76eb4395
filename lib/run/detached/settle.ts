/**
 * What is still to be done when a detached sandbox has ended: what its keeper could not do because
 * it was killed, and `postStop`. Whoever sees the end first does it, once.
 *
 * @module
 */

import { removeTree } from "../../cgroup/leftovers.ts";
import { HookError, SandboxError, SyscallError } from "../../errors.ts";
import { type Condition, conditionOf } from "../../state/condition.ts";
import type { StateDirectory } from "../../state/directory.ts";
import { writeLost } from "../../state/ending.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { O_CREAT, O_EXCL, O_WRONLY } from "../../sys/abi/fcntl.ts";
import { close, open } from "../../sys/file.ts";
import { HookRunner } from "../hooks.ts";
import { loadHooks } from "../hook_module.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { killAll } from "./processes.ts";

/** What has become of a sandbox. */
export interface Settled {
  readonly condition: Condition;
  /** How it ended, if it has. */
  readonly outcome?: Outcome;
  /** What `postStop` hooks threw, if this was who ran them. */
  readonly hookErrors: readonly HookError[];
}

/** Looks what has become of it, and does what is to be done if it has ended. */
export async function settle(state: StateDirectory, record: SandboxRecord): Promise<Settled> {
  let condition = conditionOf(record);
  if (condition === "lost") {
    // Its processes got their signal when the keeper ended; one that is stuck is seen to.
    await killAll(record);
    removeCgroups(record);
    using _lock = await state.lock();
    if (conditionOf(record) === "lost" && state.ids().includes(record.id)) writeLost(record);
    condition = "ended";
  }
  if (condition !== "ended") return { condition, hookErrors: [] };
  const outcome = outcomeOf(record);
  return {
    condition,
    outcome,
    hookErrors: outcome === undefined ? [] : await postStop(state, record, outcome),
  };
}

/** Removes what the cgroup's own keeper would have, had it not been killed as well. */
export function removeCgroups({ cgroups }: SandboxRecord): void {
  for (const path of cgroups) {
    try {
      removeTree(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Whoever makes this file runs the hooks. */
function claimPostStop(state: StateDirectory, id: string): boolean {
  try {
    close(open(state.file(id, "post-stop"), { flags: O_WRONLY | O_CREAT | O_EXCL }));
    return true;
  } catch (error) {
    // ENOENT: it was removed in this moment, by somebody who has run them.
    if (error instanceof SyscallError && ["EEXIST", "ENOENT"].includes(error.code)) return false;
    throw error;
  }
}

async function postStop(
  state: StateDirectory,
  record: SandboxRecord,
  outcome: Outcome,
): Promise<HookError[]> {
  if (record.hooks.length === 0 || !claimPostStop(state, record.id)) return [];
  let hooks: HookRunner;
  try {
    hooks = new HookRunner(await loadHooks(record.hooks));
  } catch (error) {
    return [new HookError("of a module", "postStop", error)];
  }
  const errors: HookError[] = [];
  const { success, code, signal, usage, oomKilled, timedOut } = outcome;
  await hooks.run("postStop", (base) => ({
    ...base,
    spec: structuredClone(record.spec),
    status: { success, code, signal },
    usage,
    oomKilled,
    timedOut,
  })).catch((error) => errors.push(error));
  return [...errors, ...await hooks.end()];
}

/** Refuses what cannot be told from here. */
export function mustBeHere({ id }: SandboxRecord, condition: Condition): void {
  if (condition !== "elsewhere") return;
  throw new SandboxError(
    `the sandbox ${id} was started in another pid namespace; run this command there`,
  );
}

/** Removes a sandbox that has ended; the rest of the world forgets it. */
export async function forget(state: StateDirectory, record: SandboxRecord): Promise<void> {
  removeCgroups(record);
  using _lock = await state.lock();
  state.remove(record.id, record.name);
}
