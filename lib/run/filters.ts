/**
 * Finds the filter of a launch on this machine.
 *
 * @module
 */

import type { HostFacts } from "../plan/facts.ts";
import type { NewStep } from "../plan/step.ts";
import {
  filterOf,
  filterStep,
  lacksCompiler,
  setCompiler,
  writesToHost,
} from "../seccomp/filter.ts";
import type { SandboxSpec } from "../spec.ts";
import { ARCH } from "../sys/arch.ts";

/** Loads what a description's filter is compiled by, unless it is there or not needed. */
export async function prepareFilter(spec: SandboxSpec): Promise<void> {
  if (!lacksCompiler(spec)) return;
  setCompiler((await import("../seccomp/compile_filter.ts")).compileFilter);
}

/** The step that installs a description's filter, if it has one. */
export function launchFilter(spec: SandboxSpec, facts: HostFacts): NewStep | undefined {
  const filter = filterOf(spec, {
    arch: ARCH,
    kernel: () => Deno.osRelease(),
    guardSetuid: facts.uid === 0 && writesToHost(spec),
  });
  return filter && filterStep(filter);
}
