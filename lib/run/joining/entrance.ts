/**
 * What a running sandbox can be entered by: its description, and the descriptors that it handed out
 * when it was made. Nothing of it comes from inside.
 *
 * @module
 */

import type { SandboxCgroup } from "../../cgroup/cgroup.ts";
import { SandboxError, UnsupportedError } from "../../errors.ts";
import type { HostFacts } from "../../plan/facts.ts";
import { type Held, heldOf } from "../../plan/held_steps.ts";
import type { Identity } from "../../plan/identity.ts";
import type { SandboxSpec } from "../../spec.ts";
import type { Begun } from "../begin.ts";
import type { LaunchInit } from "../launch_init.ts";

/** A running sandbox, for whoever is to enter it. */
export interface Entrance {
  /** The description with absolute paths. */
  readonly spec: SandboxSpec;
  readonly facts: HostFacts;
  readonly identity: Identity;
  /** What was handed out. */
  readonly held: readonly Held[];
  /** The same as descriptors, in the same order. Throws if the sandbox has ended. */
  descriptors(): readonly number[];
  /** Its cgroup. */
  readonly cgroup?: SandboxCgroup;
  /** `NAME=value` of the first command, where that is not to be looked up again. */
  readonly environment?: readonly (string | Uint8Array)[];
  /** Who is asked about system calls. */
  readonly supervise?: LaunchInit["supervise"];
}

/** Without a pid namespace nothing would end what a command leaves behind. */
export function checkPids({ namespaces }: SandboxSpec): void {
  if (namespaces.pid === "new") return;
  throw new UnsupportedError(
    "entering a sandbox without a pid namespace of its own",
    'what the command leaves behind would outlive the sandbox; leave share("pid") and join() of a pid namespace out',
  );
}

/** The entrance of a launch that hands out; see `LaunchOptions.handOut`. */
export function entranceOf({ launch, facts, cgroup, supervise }: Begun): Entrance {
  const { plan, spec } = launch;
  return {
    spec,
    facts,
    identity: plan.identity,
    held: heldOf(spec, { preMount: plan.preMount, landlock: plan.landlocks }),
    descriptors() {
      checkPids(spec);
      if (launch.isOver) throw new SandboxError("The sandbox has ended");
      return launch.held;
    },
    cgroup: cgroup?.cgroup,
    supervise,
  };
}

/** What its pid namespace is called, e.g. `pid:[4026531836]`. */
export function pidNamespaceOf({ held, descriptors }: Entrance): string {
  const at = held.findIndex((one) => one.what === "namespace" && one.kind === "pid");
  const fd = descriptors()[at];
  if (fd === undefined) throw new SandboxError("The sandbox has ended");
  return Deno.readLinkSync(`/proc/self/fd/${fd}`);
}
