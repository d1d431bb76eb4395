/**
 * Finds the filter of a launch on this machine.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { Value } from "../agent/operation.ts";
import type { HostFacts } from "../plan/facts.ts";
import type { LaunchFilter } from "../plan/launch_choices.ts";
import {
  filterOf,
  type FilterPlace,
  filterStep,
  guardOf,
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

/** What a filter depends on besides the description and the machine. */
export interface FilterChoices {
  /** Where the sandbox's socket is in memory. */
  readonly socket: number;
  /** Somebody decides about what the filter asks. */
  readonly hasHandler: boolean;
  /** What has been chosen already, or what is to be shown. Default: a new one. */
  readonly secret?: LaunchFilter["secret"];
}

function randomSecret(): [bigint, bigint, bigint] {
  const [a, b, c] = crypto.getRandomValues(new BigUint64Array(3));
  return [a!, b!, c!];
}

/** A description's filter, if it has one, and what its listener goes by, if it asks one. */
export function launchFilter(
  spec: SandboxSpec,
  facts: HostFacts,
  { socket, hasHandler, secret }: FilterChoices,
): LaunchFilter & { readonly judge?: Uint8Array } | undefined {
  const guardSetuid = facts.uid === 0 && writesToHost(spec);
  // Where the owner on disk is root, a file with capabilities is as good as a set-uid one, and a
  // filter cannot read which attribute is set.
  if (guardSetuid && spec.capabilities?.keep.includes("CAP_SETFCAP")) {
    throw new SpecError(
      "capabilities",
      "with CAP_SETFCAP and something of the host that can be written, files would be left there that make anybody root; leave one of them out",
    );
  }
  const place: FilterPlace = {
    arch: ARCH,
    kernel: () => Deno.osRelease(),
    guardSetuid,
    hasHandler,
    secret: secret === undefined ? randomSecret : () => secret,
  };
  const filter = filterOf(spec, place);
  // First the guard: it lets a filter be installed, and the profile may not.
  const filters = [guardOf(spec, place), filter].filter((one) => one !== undefined);
  if (filters.length === 0) return undefined;
  const at: Value = { load32: socket };
  return {
    steps: filters.map((one) => filterStep(one, at)),
    secret: filter?.secret,
    judge: filter?.judge,
  };
}
