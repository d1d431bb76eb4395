/**
 * The last steps of a plan: the command's streams, limits, identity and privileges, in the order in
 * which each still may be changed.
 *
 * @module
 */

import type { Value } from "../agent/operation.ts";
import { SpecError } from "../errors.ts";
import { parseMode } from "../quantity.ts";
import type { RlimitName, SandboxSpec } from "../spec.ts";
import { assignedStdio } from "./assignment.ts";
import { cwdStep, lastStep, sessionStep, stdioStep, umaskStep } from "./command_steps.ts";
import { identityStep, keptCapabilities, noNewPrivsStep } from "./credential_steps.ts";
import type { HostFacts } from "./facts.ts";
import type { Identity } from "./identity.ts";
import type { LaunchChoices } from "./launch_choices.ts";
import { REQUEST_FD } from "./launch_shape.ts";
import { hasScheduling, optionalParts } from "./optional_parts.ts";
import { waitSteps } from "./pool_step.ts";
import { rlimitStep, softNofileStep } from "./rlimit_steps.ts";
import type { NewStep } from "./step.ts";

/**
 * The steps after the mounts, up to the command's execution. `outside`: root's sandbox has lost
 * root's rights, and only the agent still has them.
 */
export function commandPhase(
  spec: SandboxSpec,
  facts: HostFacts,
  identity: Identity,
  choices: LaunchChoices,
  outside: boolean,
): NewStep[] {
  const userns = spec.namespaces.user === "new";
  const scheduling = hasScheduling(spec) ? optionalParts().scheduling : undefined;
  const steps: NewStep[] = [];
  const slave: Value = { load32: "slave" };
  const stdio: Value[] = spec.tty ? [slave, slave, slave] : ([0, 1, 2] as const).map(assignedStdio);
  if (!choices.commandLater) steps.push(stdioStep(stdio));
  if (spec.newSession || spec.tty) steps.push(sessionStep(spec.tty !== false));
  const softNofile = facts.softNofile;
  if (softNofile !== undefined && spec.rlimits.nofile === undefined) {
    steps.push(softNofileStep(softNofile));
  }
  for (const [name, value] of Object.entries(spec.rlimits)) {
    steps.push(rlimitStep(name as RlimitName, value));
  }
  steps.push(...scheduling?.commandSchedulingSteps(spec, outside) ?? []);
  const privileged = facts.uid === 0 || userns || typeof spec.namespaces.user === "object";
  const kept = keptCapabilities(spec.capabilities, identity.user.uid);
  if (privileged) {
    const setGroups = !identity.denySetgroups && typeof spec.namespaces.user !== "object";
    steps.push(identityStep(identity.user, { setIds: true, setGroups }, kept));
  } else if (kept.keep.length > 0) {
    throw new SpecError(
      "capabilities",
      'without a user namespace an ordinary user has none to keep; unshare("user")',
    );
  }
  steps.push(cwdStep(spec.cwd ?? "/"));
  steps.push(umaskStep(spec.umask === undefined ? facts.umask : parseMode(spec.umask, "umask")));
  if (choices.landlock && spec.namespaces.mount !== "new") {
    steps.push(optionalParts().landlock.landlockRulesStep(choices.landlock));
  }
  steps.push(noNewPrivsStep());
  if (choices.landlock) steps.push(optionalParts().landlock.landlockStep());
  steps.push(lastStep());
  const filter = choices.filter?.steps ?? [];
  if (!choices.commandLater) return [...steps, ...filter];
  const wait = waitSteps({ load32: choices.requestFd(REQUEST_FD.launch) });
  // The default filter lets pass what comes after the wait, another one may not.
  const isDefault = spec.seccomp === undefined || spec.seccomp.profile === "default";
  const filterFirst = isDefault && choices.filter?.secret === undefined;
  return filterFirst ? [...steps, ...filter, ...wait] : [...steps, ...wait, ...filter];
}
