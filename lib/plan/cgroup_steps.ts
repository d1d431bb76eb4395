/**
 * The steps that make a sandbox's cgroup, set its limits, and see that the first process is in it
 * before it executes anything.
 *
 * In version 2 the process is cloned into it. In version 1 it has to be put there, and the first
 * such write of a moment waits some 10 ms for all processors; so the keeper does it beside the
 * set-up, and the set-up waits for it at its end. cgroups(7).
 *
 * @module
 */

import type { Operation, Place } from "../agent/operation.ts";
import type { LimitsSpec } from "../spec.ts";
import { CLONE_NEWCGROUP } from "../sys/abi/clone.ts";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
} from "../sys/abi/fcntl.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { CGROUP_NAME, type CgroupLayout, type CgroupPlace } from "./cgroup_layout.ts";
import { type CgroupSetting, cgroupSettings } from "./cgroup_settings.ts";
import type { NewStep, Phase } from "./step.ts";

/** The cell with the descriptor of the directory that the cgroup is made in. */
export function baseCell(place: number): string {
  return `cgroup base ${place}`;
}

/** The cell with the descriptor of the cgroup's directory. */
export function cgroupCell(place: number): string {
  return `cgroup ${place}`;
}

/** Writes to a file of the directory in the cell. */
export function writeKnob(
  cell: string,
  file: string,
  value: string,
  missing?: string,
): Operation[] {
  const bytes = new TextEncoder().encode(value);
  const open: Operation = {
    call: "openat",
    args: [{ load32: cell }, file, O_WRONLY | O_CLOEXEC, 0],
    store: "knob",
  };
  return [
    ...(missing === undefined ? [open] : [
      {
        ...open,
        onError: "ignore",
        when: { equals: -ERRNO.ENOENT },
        goto: missing,
      } as Operation,
      { call: "SET", args: [{ load: "knob" }] } as Operation,
    ]),
    { call: "write", args: [{ load32: "knob" }, bytes, bytes.length] },
    { call: "close", args: [{ load32: "knob" }] },
  ];
}

function makeStep({ directory, cpuset }: CgroupPlace, index: number): NewStep {
  return {
    phase: "outside",
    name: "cgroup",
    sentence: `make a cgroup in "${directory}"`,
    paths: { path: directory },
    hints: {
      EACCES: "this user may not; run as root, or give limits.parent a cgroup that is delegated",
      EROFS: "it is mounted read-only, as in a container; mount it writable",
      EAGAIN: "the parent's cgroup.max.descendants or cgroup.max.depth is reached",
      ENOSPC: "there are too many cgroups already, or its cpuset is empty",
    },
    operations: [
      {
        call: "openat",
        args: [AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
        store: baseCell(index),
      },
      { call: "mkdirat", args: [{ load32: baseCell(index) }, { at: CGROUP_NAME }, 0o755] },
      {
        call: "openat",
        args: [
          { load32: baseCell(index) },
          { at: CGROUP_NAME },
          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
          0,
        ],
        store: cgroupCell(index),
      },
      ...(cpuset === undefined ? [] : [
        ...writeKnob(cgroupCell(index), "cpuset.cpus", cpuset.cpus),
        ...writeKnob(cgroupCell(index), "cpuset.mems", cpuset.mems),
      ]),
    ],
  };
}

function settingStep(setting: CgroupSetting, layout: CgroupLayout, index: number): NewStep {
  const { place, file, value, sentence, hints, optional } = setting;
  const missing = optional ? `no file ${index}` : undefined;
  return {
    phase: "outside",
    name: "limit",
    sentence,
    paths: { path: `${layout[place]!.directory}/paddock.*/${file}` },
    hints: {
      EINVAL: "the kernel does not take this value",
      ...hints,
    },
    operations: [
      ...writeKnob(cgroupCell(place), file, value, missing),
      ...(missing === undefined ? [] : [{ call: "SET", args: [0], label: missing } as Operation]),
    ],
  };
}

/** The steps of the agent: the cgroup with its limits, before there is anybody to be limited. */
export function cgroupSteps(
  limits: LimitsSpec,
  layout: CgroupLayout,
  supervisors: number,
): NewStep[] {
  return [
    ...layout.map(makeStep),
    ...cgroupSettings(limits, layout, supervisors).map((setting, index) =>
      settingStep(setting, layout, index)
    ),
  ];
}

/** The step of the keeper: puts the process into the cgroups of version 1. */
export function attachStep(layout: CgroupLayout): NewStep | undefined {
  const places = layout.flatMap(({ version }, index) => version === 1 ? [index] : []);
  if (places.length === 0) return undefined;
  return {
    phase: "attach",
    name: "attach",
    sentence: "put the process into its cgroups, beside the following",
    paths: { path: "cgroup.procs" },
    hints: {
      EACCES: "the process is another user's; run as root",
      EINVAL: "the cgroup has no time for real-time processes; see cpu.rt_runtime_us",
    },
    operations: places.flatMap((place) =>
      [
        {
          call: "openat",
          args: [{ load32: cgroupCell(place) }, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0],
          store: "knob",
        },
        {
          call: "write",
          args: [{ load32: "knob" }, { at: "kept pid" }, { load: "kept length" }],
          // It failed in its set-up meanwhile, and says so itself.
          onError: { tolerate: "ESRCH" },
        },
        { call: "close", args: [{ load32: "knob" }] },
      ] as Operation[]
    ),
  };
}

/** Waits until the keeper has said that the process is in. */
export function awaitAttached(): Operation[] {
  return [{
    call: "read",
    args: [{ load32: "attach" }, { at: "byte" }, 1],
    when: { differs: 1 },
    goto: "exit",
  }];
}

/** The first process's own wait for it. */
export function attachedStep(phase: Phase): NewStep {
  return {
    phase,
    name: "attached",
    sentence: "wait until it is in its cgroups",
    operations: awaitAttached(),
  };
}

/** A cgroup namespace whose root is the sandbox's cgroup; so it comes when the process is in it. */
export function cgroupNamespaceStep(
  phase: Phase,
  hints: Readonly<Record<string, string>>,
): NewStep {
  return {
    phase,
    name: "cgroup namespace",
    sentence: "make a new cgroup namespace, whose root is the sandbox's cgroup",
    hints,
    operations: [{ call: "unshare", args: [CLONE_NEWCGROUP] }],
  };
}

/** Fills in a `struct clone_args` whose words have this name. clone(2), CLONE_INTO_CGROUP. */
export function intoCgroup(cloneArguments: string): Operation {
  const cgroup: Place = { name: cloneArguments, offset: 80 };
  return { call: "SET", args: [{ load32: cgroupCell(0) }], store: cgroup };
}
