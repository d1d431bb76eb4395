/**
 * The entrance of a detached sandbox, made again from what is written down of it.
 *
 * @module
 */

import { SandboxCgroup } from "../../cgroup/cgroup.ts";
import { SandboxError } from "../../errors.ts";
import { heldOf } from "../../plan/held_steps.ts";
import { decideIdentity } from "../../plan/identity.ts";
import { optionalParts } from "../../plan/optional_parts.ts";
import { hasEnded, openProcess } from "../../state/identity.ts";
import type { SandboxRecord } from "../../state/record.ts";
import { close, open } from "../../sys/file.ts";
import { hostFacts } from "../host_facts.ts";
import { checkPids, type Entrance } from "./entrance.ts";

/** An entrance whose descriptors are this program's to close. */
export interface RecordedEntrance extends Entrance {
  close(): void;
}

/** Opens what the keeper holds. Its pid is looked at before and after, for it may be another's. */
function openHeld({ processes, entrance }: SandboxRecord): number[] {
  const keeper = processes === undefined ? undefined : openProcess(processes.keeper);
  if (keeper === undefined) throw new SandboxError("The sandbox has ended");
  const opened: number[] = [];
  try {
    for (const fd of entrance.held) {
      // Opened again and not duplicated: pidfd_getfd(2) is more than Yama lets an ordinary user do.
      opened.push(open(`/proc/${processes!.keeper.pid}/fd/${fd}`));
    }
    if (hasEnded(keeper)) throw new SandboxError("The sandbox has ended");
    return opened;
  } catch (error) {
    for (const fd of opened) close(fd);
    throw error;
  } finally {
    close(keeper);
  }
}

/** The entrance of a sandbox that is written down. */
export function recordedEntrance(record: SandboxRecord): RecordedEntrance {
  const { spec, cgroups, cgroupLayout, environment } = record;
  const { preMount } = record.entrance;
  // As it was at the launch, whoever asks now.
  const facts = { ...hostFacts(), ...record.facts };
  const landlock = spec.landlock !== undefined &&
    optionalParts().landlockRuleset(spec, facts.landlockVersion).ruleset !== undefined;
  const descriptors: number[] = [];
  return {
    spec,
    facts,
    identity: decideIdentity(spec, facts),
    held: heldOf(spec, { preMount, landlock }),
    environment,
    descriptors() {
      checkPids(spec);
      if (descriptors.length === 0) descriptors.push(...openHeld(record));
      return descriptors;
    },
    cgroup: cgroups.length === 0 ? undefined : new SandboxCgroup(cgroupLayout, cgroups, 1),
    close() {
      for (const fd of descriptors.splice(0)) close(fd);
    },
  };
}
