/**
 * Removes what is left of detached sandboxes that do not run, whatever has become of them.
 *
 * @module
 */

import { StateDirectory } from "../../state/directory.ts";
import { identityOf, type ProcessIdentity } from "../../state/identity.ts";
import { KEEPER_FD } from "../../plan/detached/layout.ts";
import { openProcess } from "../../state/identity.ts";
import { close } from "../../sys/file.ts";
import { pidfdSendSignal } from "../../sys/pidfd.ts";
import { conditionOf } from "../../state/condition.ts";
import { waitForEnd } from "./processes.ts";
import { forget, settle } from "./settle.ts";

/** Something that was removed, or would be. */
export interface Pruned {
  /** In words. */
  readonly what: string;
  /** What its hooks complain of. */
  readonly errors: readonly Error[];
}

/** Removes it all, or only tells of it. */
export async function* prune(dryRun: boolean): AsyncGenerator<Pruned> {
  const state = StateDirectory.open();
  if (state !== undefined) {
    yield* pruneRecorded(state, dryRun);
    yield* pruneUnreadable(state, dryRun);
    yield* pruneNames(state, dryRun);
  }
  yield* pruneKeepers(dryRun);
}

async function* pruneRecorded(state: StateDirectory, dryRun: boolean): AsyncGenerator<Pruned> {
  for (const { id, record } of state.entries()) {
    if (record === undefined) continue;
    const condition = conditionOf(record);
    if (["running", "starting", "elsewhere"].includes(condition)) continue;
    const name = record.name === undefined ? "" : ` "${record.name}"`;
    const what = `the sandbox ${id}${name}: ${
      {
        ended: "it has ended",
        lost: "its keeper was killed",
        broken: "its start was cut off",
      }[condition as "ended" | "lost" | "broken"]
    }`;
    if (dryRun) yield { what, errors: [] };
    else {
      const { hookErrors } = await settle(state, record);
      await forget(state, record);
      yield { what, errors: hookErrors };
    }
  }
}

/** Of what has no record that can be read, its keeper says whether it runs. */
async function* pruneUnreadable(state: StateDirectory, dryRun: boolean): AsyncGenerator<Pruned> {
  // With the lock, for whoever starts one makes the directory and the record under it.
  using _lock = await state.lock();
  for (const { id, record } of state.entries()) {
    if (record !== undefined) continue;
    const keeper = keepers().find(({ directory }) => directory === state.sandbox(id));
    const what = `the sandbox ${id}, which has no record that can be read`;
    if (!dryRun) {
      if (keeper !== undefined) await end(keeper.identity);
      state.remove(id, undefined);
    }
    yield { what: keeper === undefined ? what : `${what}, and still ran`, errors: [] };
  }
}

async function* pruneNames(state: StateDirectory, dryRun: boolean): AsyncGenerator<Pruned> {
  using _lock = await state.lock();
  for (const name of state.staleNames()) {
    if (!dryRun) state.freeName(name);
    yield { what: `the name "${name}", whose sandbox is gone`, errors: [] };
  }
}

/** Keepers whose directory was removed: nobody could find their sandboxes any more. */
async function* pruneKeepers(dryRun: boolean): AsyncGenerator<Pruned> {
  for (const { identity, directory } of keepers()) {
    if (!directory.endsWith(" (deleted)")) continue;
    if (!dryRun) await end(identity);
    yield {
      what: `the sandbox of the keeper ${identity.pid}, whose state "${
        directory.slice(0, -" (deleted)".length)
      }" is gone`,
      errors: [],
    };
  }
}

interface Keeper {
  readonly identity: ProcessIdentity;
  readonly directory: string;
}

/** The keepers of this user, and the directories that they write to. */
function keepers(): Keeper[] {
  const found: Keeper[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/comm`) !== "paddock-keeper\n") continue;
      if (Deno.statSync(`/proc/${name}`).uid !== Deno.uid()) continue;
      const identity = identityOf(Number(name));
      const directory = Deno.readLinkSync(`/proc/${name}/fd/${KEEPER_FD.directory}`);
      found.push({ identity, directory });
    } catch { /* it has ended, or is none of ours */ }
  }
  return found;
}

/** Ends a keeper, and its sandbox with it. */
async function end(identity: ProcessIdentity): Promise<void> {
  const SIGKILL = 9;
  const pidfd = openProcess(identity);
  if (pidfd === undefined) return;
  try {
    pidfdSendSignal(pidfd, SIGKILL);
  } finally {
    close(pidfd);
  }
  await waitForEnd(identity);
}
