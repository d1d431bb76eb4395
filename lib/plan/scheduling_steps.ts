/**
 * The steps that say when and where the command gets the processor, the disk and memory. What
 * anybody may do, the command's process does for itself, so that its supervisor stays as it is.
 * What only root may do, the agent does for the sandbox's first process, from outside, for root has
 * given its rights up inside; the command inherits it. sched(7).
 *
 * @module
 */

import { AGENT_FD } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { parseCpuList } from "../quantity.ts";
import type { IoPrioritySpec, PersonalityName, SandboxSpec, SchedulerSpec } from "../spec.ts";
import * as abi from "../sys/abi/scheduling.ts";
import { O_CLOEXEC, O_WRONLY } from "../sys/abi/fcntl.ts";
import type { NewStep, Phase } from "./step.ts";

const POLICY: Readonly<Record<SchedulerSpec["policy"], number>> = {
  other: abi.SCHED_NORMAL,
  batch: abi.SCHED_BATCH,
  idle: abi.SCHED_IDLE,
  fifo: abi.SCHED_FIFO,
  rr: abi.SCHED_RR,
};

const IO_CLASS: Readonly<Record<IoPrioritySpec["class"], number>> = {
  realtime: abi.IOPRIO_CLASS_RT,
  "best-effort": abi.IOPRIO_CLASS_BE,
  idle: abi.IOPRIO_CLASS_IDLE,
};

const PERSONALITY: Readonly<Record<PersonalityName, number>> = {
  linux32: abi.PER_LINUX32,
  uname26: abi.UNAME26,
  addr_no_randomize: abi.ADDR_NO_RANDOMIZE,
  addr_compat_layout: abi.ADDR_COMPAT_LAYOUT,
  addr_limit_32bit: abi.ADDR_LIMIT_32BIT,
  addr_limit_3gb: abi.ADDR_LIMIT_3GB,
  read_implies_exec: abi.READ_IMPLIES_EXEC,
  mmap_page_zero: abi.MMAP_PAGE_ZERO,
  short_inode: abi.SHORT_INODE,
  whole_seconds: abi.WHOLE_SECONDS,
  sticky_timeouts: abi.STICKY_TIMEOUTS,
  fdpic_funcptrs: abi.FDPIC_FUNCPTRS,
};

/** Whom a call is about: the first process as the agent numbers it, or the caller itself. */
function subject(phase: Phase): Value {
  return phase === "maps" ? { load: "pid" } : 0;
}

function niceStep(phase: Phase, nice: number): NewStep {
  return {
    phase,
    name: "nice",
    sentence: `run at niceness ${nice}`,
    hints: {
      EACCES: 'a lower niceness is for root, or within rlimit("nice") of the caller',
      EPERM: 'a lower niceness is for root, or within rlimit("nice") of the caller',
    },
    operations: [{ call: "setpriority", args: [abi.PRIO_PROCESS, subject(phase), nice] }],
  };
}

function schedulerStep(phase: Phase, spec: SchedulerSpec): NewStep {
  const { policy, priority = 0, resetOnFork } = spec;
  return {
    phase,
    name: "scheduler",
    sentence: `schedule by the policy ${policy}${priority === 0 ? "" : ` at priority ${priority}`}${
      resetOnFork ? ", what it starts as usual" : ""
    }`,
    hints: {
      EPERM:
        "this policy is for root, or within RLIMIT_RTPRIO of the caller; and on cgroup v1 the caller's cpu cgroup must have cpu.rt_runtime_us",
    },
    operations: [{
      call: "sched_setscheduler",
      args: [
        subject(phase),
        POLICY[policy] + (resetOnFork ? abi.SCHED_RESET_ON_FORK : 0),
        new Uint8Array(Int32Array.of(priority).buffer),
      ],
    }],
  };
}

function ioPriorityStep(phase: Phase, spec: IoPrioritySpec): NewStep {
  const level = spec.class === "idle" ? 0 : spec.level ?? 4;
  return {
    phase,
    name: "io priority",
    sentence: `read and write disks in the class ${spec.class}${
      spec.class === "idle" ? "" : ` at level ${level}`
    }`,
    hints: { EPERM: "the class realtime is for root" },
    operations: [{
      call: "ioprio_set",
      args: [
        abi.IOPRIO_WHO_PROCESS,
        subject(phase),
        IO_CLASS[spec.class] * 2 ** abi.IOPRIO_CLASS_SHIFT + level,
      ],
    }],
  };
}

/** The mask of sched_setaffinity(2): a bit for each processor. */
export function cpuMask(cpus: readonly number[]): Uint8Array<ArrayBuffer> {
  const mask = new Uint8Array((Math.floor(Math.max(...cpus) / 64) + 1) * 8);
  for (const cpu of cpus) mask[cpu >> 3]! |= 1 << (cpu & 7);
  return mask;
}

function affinityStep(list: string): NewStep {
  const mask = cpuMask(parseCpuList(list, "cpuAffinity"));
  return {
    phase: "command",
    name: "affinity",
    sentence: `run on the processors ${list} only`,
    hints: { EINVAL: "none of these processors is there, or within the caller's cpuset" },
    operations: [{ call: "sched_setaffinity", args: [0, mask.length, mask] }],
  };
}

function personalityStep(names: readonly PersonalityName[]): NewStep {
  const persona = names.reduce((sum, name) => sum | PERSONALITY[name], abi.PER_LINUX);
  return {
    phase: "command",
    name: "personality",
    sentence: `take the personality ${names.join(", ") || "linux"}`,
    operations: [{ call: "personality", args: [persona] }],
  };
}

function oomStep(phase: Phase, value: number): NewStep {
  const text = new TextEncoder().encode(String(value));
  const file: Operation = phase === "maps"
    ? {
      call: "openat",
      args: [{ load32: "proc" }, "oom_score_adj", O_WRONLY | O_CLOEXEC, 0],
      store: "oom",
    }
    : {
      call: "openat",
      args: [AGENT_FD.proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0],
      store: "oom",
    };
  return {
    phase,
    name: "oom score",
    sentence: `weigh ${value} when the machine is out of memory`,
    paths: { path: "/proc/PID/oom_score_adj" },
    hints: { EACCES: "a lower value than the caller's needs CAP_SYS_RESOURCE outside" },
    operations: [
      file,
      { call: "write", args: [{ load32: "oom" }, text, text.length] },
      { call: "close", args: [{ load32: "oom" }] },
    ],
  };
}

/** What the agent does for the first process; only where it is root and the sandbox is not. */
export function outsideSchedulingSteps(spec: SandboxSpec): NewStep[] {
  const { nice = 0, oomScoreAdj = 0, scheduler, ioPriority } = spec;
  return [
    ...(oomScoreAdj < 0 ? [oomStep("maps", oomScoreAdj)] : []),
    ...(isRealtime(scheduler) ? [schedulerStep("maps", scheduler!)] : []),
    ...(nice < 0 ? [niceStep("maps", nice)] : []),
    ...(ioPriority?.class === "realtime" ? [ioPriorityStep("maps", ioPriority)] : []),
  ];
}

/**
 * What the first process does for itself and its children, before its ids change: afterwards the
 * file would be somebody else's. proc_pid_oom_score_adj(5).
 */
export function firstSchedulingSteps(spec: SandboxSpec, outside: boolean): NewStep[] {
  const { oomScoreAdj } = spec;
  if (oomScoreAdj === undefined || (outside && oomScoreAdj < 0)) return [];
  return [oomStep("namespaces", oomScoreAdj)];
}

/** What the command's process does for itself. */
export function commandSchedulingSteps(spec: SandboxSpec, outside: boolean): NewStep[] {
  const { nice, scheduler, ioPriority, cpuAffinity, personality } = spec;
  const steps: NewStep[] = [];
  if (cpuAffinity !== undefined) steps.push(affinityStep(cpuAffinity));
  if (scheduler !== undefined && !(outside && isRealtime(scheduler))) {
    steps.push(schedulerStep("command", scheduler));
  }
  if (nice !== undefined && !(outside && nice < 0)) steps.push(niceStep("command", nice));
  if (ioPriority !== undefined && !(outside && ioPriority.class === "realtime")) {
    steps.push(ioPriorityStep("command", ioPriority));
  }
  if (personality !== undefined) steps.push(personalityStep(personality));
  return steps;
}

function isRealtime(scheduler: SchedulerSpec | undefined): boolean {
  return scheduler?.policy === "fifo" || scheduler?.policy === "rr";
}
