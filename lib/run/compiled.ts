/**
 * Plans and assembles launches, and keeps the result: a sandbox is immutable, so its second launch
 * is the same bytes with another number and another command line.
 *
 * @module
 */

import type { Program } from "../agent/assembler.ts";
import { requestFd } from "../agent/boot.ts";
import type { Assignment } from "../plan/assignment.ts";
import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import type { CommandLine } from "../plan/command_steps.ts";
import type { HostFacts } from "../plan/facts.ts";
import type { PlannedLaunch } from "../plan/launch_choices.ts";
import { executeStep, planLaunch } from "../plan/plan.ts";
import { type Fault, REQUEST_FD } from "../plan/launch_shape.ts";
import { executeProgram, type LaunchPrograms, launchPrograms } from "../plan/program.ts";
import { hasImage, optionalParts } from "../plan/optional_parts.ts";
import { patchLaunch } from "../plan/program_parts.ts";
import type { OverlayLayers, SandboxSpec } from "../spec.ts";
import { launchFilter } from "./filters.ts";
import { resolveSpec } from "./resolve.ts";

/** What decides the shape of a launch besides its description. */
export interface LaunchFlags {
  readonly preMount: boolean;
  readonly networkSetup: boolean;
  readonly reportStart: boolean;
  /** The command is told when everything else is done. */
  readonly commandLater?: boolean;
  /** It is to outlive the program. */
  readonly detached?: boolean;
  /** The host is to be able to enter it later. */
  readonly handOut?: boolean;
  /** Where its cgroup is made, if it has one. */
  readonly cgroup?: CgroupLayout;
  /** Somebody decides about system calls that the filter asks about. */
  readonly hasHandler: boolean;
}

/** A launch that lacks only its number, its place in the arena and its command line. */
export interface Compiled {
  readonly spec: SandboxSpec;
  readonly skipped: readonly string[];
  readonly plan: PlannedLaunch;
  /** What the listener of the filter goes by, if there is one. */
  readonly judge?: Uint8Array;
  readonly programs: LaunchPrograms;
  /** The image whose layers are in it; its name may mean another one the next time. */
  readonly imageId?: string;
  /** What tells this launch's first process from those of other shapes; made when first asked for. */
  shape?: string;
  readonly facts: HostFacts;
  readonly flags: LaunchFlags;
  readonly boot: Program;
}

const kept = new WeakMap<SandboxSpec, Compiled>();

function sameFlags(a: LaunchFlags, b: LaunchFlags): boolean {
  return a.preMount === b.preMount && a.networkSetup === b.networkSetup &&
    a.reportStart === b.reportStart && a.commandLater === b.commandLater &&
    a.handOut === b.handOut && a.detached === b.detached && a.cgroup === b.cgroup &&
    a.hasHandler === b.hasHandler;
}

/** Compiles a description, or finds it compiled. */
export function compile(
  source: SandboxSpec,
  facts: HostFacts,
  flags: LaunchFlags,
  boot: Program,
  fault?: Fault,
): Compiled {
  const image = hasImage(source) ? optionalParts().images.imageOf(source)?.id : undefined;
  const found = kept.get(source);
  if (
    found && !fault && found.facts.hostView === facts.hostView &&
    sameFlags(found.flags, flags) && found.boot === boot && found.imageId === image
  ) return found;
  const { spec, skipped } = resolveSpec(source, facts);
  const rules = spec.landlock && optionalParts().landlockRuleset(spec, facts.landlockVersion);
  skipped.push(...rules?.skipped ?? []);
  const filter = launchFilter(spec, facts, {
    socket: requestFd(boot, REQUEST_FD.launch),
    hasHandler: flags.hasHandler,
  });
  const plan = planLaunch(spec, facts, {
    ...flags,
    reportStart: flags.reportStart && !spec.asPid1,
    keepChanges: flags.reportStart && !flags.detached,
    requestFd: (index) => requestFd(boot, index),
    landlock: rules?.ruleset,
    filter,
  });
  const programs = launchPrograms(plan, boot, fault);
  const compiled: Compiled = {
    spec,
    skipped,
    plan,
    judge: filter?.judge,
    programs,
    imageId: image,
    facts,
    flags,
    boot,
  };
  const lasting = isLasting(source) && facts.changesDirectory === undefined;
  if (!fault && lasting && skipped.length === 0) kept.set(source, compiled);
  return compiled;
}

/** Whether a description means the same every time: a relative path does not after Deno.chdir(). */
function isLasting({ mounts, root }: SandboxSpec): boolean {
  const absolute = (path: string) => path.startsWith("/");
  const layers = ({ lower, upper = "ephemeral", work = "/" }: OverlayLayers) =>
    lower.every(absolute) && (upper === "ephemeral" || absolute(upper)) && absolute(work);
  if (typeof root === "object") {
    // What is mounted in a directory decides into which parts it is taken.
    if ("path" in root && root.ephemeral) return false;
    if ("image" in root) {
      return (root.upper ?? "ephemeral") === "ephemeral" || absolute(root.upper!);
    }
    if (!("overlay" in root ? layers(root.overlay) : absolute(root.path))) return false;
  }
  return mounts.every((mount) => {
    // An optional mount is looked for each time.
    if (mount.kind === "bind") {
      // A descriptor's number may be another file's by then.
      return !mount.optional && typeof mount.source === "string" && absolute(mount.source);
    }
    return mount.kind !== "overlay" || layers(mount);
  });
}

function sameWords(a: CommandLine["argv"], b: CommandLine["argv"]): boolean {
  return a.length === b.length && a.every((word, index) =>
    // Bytes may have been changed in place.
    typeof word === "string" && word === b[index]
  );
}

let last: { compiled: Compiled; line: CommandLine; program: Program } | undefined;

/** The program of a command line; the last one is kept, for many programs run the same again. */
export function commandProgram(compiled: Compiled, line: CommandLine, fault?: Fault): Program {
  if (
    last && !fault && last.compiled === compiled && last.line.searchPath === line.searchPath &&
    sameWords(last.line.argv, line.argv) && sameWords(last.line.env, line.env)
  ) return last.program;
  const program = executeProgram(executeStep(compiled.plan, line), fault);
  last = fault ? undefined : { compiled, line: { ...line, argv: [...line.argv] }, program };
  return program;
}

/** Where a command's program alone lies, for a sandbox whose other programs have been read. */
export function commandAssignment(offset: number, executeLength: number): Assignment {
  return { setup: [0, 0], init: [0, 0], execute: [offset, executeLength] };
}

/** Fills in what differs from launch to launch; the image is good until the next call. */
export function stamp({ programs }: Compiled, launch: number): Uint8Array<ArrayBuffer> {
  const { setup, init, image } = programs.inside();
  for (const program of [setup, init]) patchLaunch(program, launch);
  image.set(setup.bytes);
  image.set(init.bytes, setup.bytes.length);
  return image;
}

/** Where the programs lie that {@linkcode stamp} and {@linkcode commandProgram} made. */
export function assignment(
  { programs }: Compiled,
  offset: number,
  executeLength: number,
): Assignment {
  const { setup, init, image } = programs.inside();
  return {
    setup: [offset, setup.bytes.length],
    init: [offset + setup.bytes.length, init.bytes.length],
    execute: [offset + image.length, executeLength],
  };
}

/**
 * What a first process must have been made by to serve this launch: the very same program. Undefined
 * where it must be made for this launch alone.
 */
export function spareShape(compiled: Compiled): string | undefined {
  const { plan, programs: { outside } } = compiled;
  if (!plan.ahead) return undefined;
  if (compiled.shape === undefined) {
    patchLaunch(outside, 0);
    compiled.shape = new TextDecoder("latin1").decode(outside.bytes);
  }
  return compiled.shape;
}
