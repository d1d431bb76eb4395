/**
 * Guards `/proc` where the command could change the host by it. Ordinarily it has an id that owns
 * nothing there and no capability, and every write is refused for that; one that is the host's root,
 * or keeps capabilities, needs mounts in the way. The lists are those of the OCI runtimes.
 *
 * @module
 */

import type { HostFacts } from "../facts.ts";
import type { Identity } from "../identity.ts";
import type { MountSpec, SandboxSpec } from "../../spec.ts";

/** What tells too much about the host, or gives raw access to it. */
const MASKED = [
  "acpi",
  "asound",
  "interrupts",
  "kcore",
  "keys",
  "latency_stats",
  "sched_debug",
  "scsi",
  "timer_list",
  "timer_stats",
];

/** What changes the host when it is written. */
const READ_ONLY = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/** Whether the command's ids or capabilities could do something to the host by its proc. */
export function needsGuard(spec: SandboxSpec, identity: Identity, facts: HostFacts): boolean {
  if ((spec.capabilities?.keep.length ?? 0) > 0) return true;
  const { maps } = identity;
  // The host's root owns its files, with capabilities or without.
  if (maps === undefined) return facts.uid === 0 || typeof spec.namespaces.user === "object";
  return maps.uids.some(({ outside }) => outside === 0);
}

/** The entries that follow a proc. */
export function guardOf(mount: MountSpec): MountSpec[] {
  if (mount.kind !== "proc" || mount.subset === "pid") return [];
  const at = (name: string) => `${mount.target}/${name}`;
  return [
    ...READ_ONLY.map((name): MountSpec => ({ kind: "readonly", target: at(name), optional: true })),
    ...MASKED.map((name): MountSpec => ({ kind: "mask", target: at(name), optional: true })),
  ];
}
