/**
 * Probes of the machine: the kernel, its calls, the processor, and whether a sandbox starts at all.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { isFiltered, readSetting } from "../run/refusals.ts";
import { sandbox } from "../sandbox.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { ARCH } from "../sys/arch.ts";
import { close } from "../sys/file.ts";
import { syscall } from "../sys/libc.ts";
import { memfdCreate } from "../sys/memfd.ts";
import type { SyscallName } from "../sys/syscall_numbers.ts";
import { type Finds, type Probe, reasonOf, works } from "./finding.ts";

/** What a launch is made of, with arguments that can do nothing. */
const CALLS: readonly (readonly [SyscallName, ...number[]])[] = [
  ["clone3", 0, 0],
  ["close_range", 1, 0, 0],
  ["fsconfig", -1, 0, 0, 0, 0],
  ["fsopen", 0, 0],
  ["mount_setattr", -1, 0, 0, 0, 0],
  ["move_mount", -1, 0, -1, 0, 0],
  ["open_tree", -1, 0, 0],
  ["openat2", -1, 0, 0, 0],
  ["pidfd_getfd", -1, -1, 0],
  ["pidfd_open", -1, 0],
];

function kernel(): Finds {
  const release = Deno.osRelease();
  const [major = 0, minor = 0] = release.split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 14)) return works(`Linux ${release}`);
  return {
    status: "missing",
    detail: `Linux ${release}`,
    cost: "Paddock needs Linux 5.14 or newer",
    remedy: "install a newer kernel",
  };
}

function calls(): Finds {
  const hidden = CALLS.flatMap(([name, ...args]) => {
    const result = syscall(name, ...args);
    return result === -ERRNO.ENOSYS ? [name] : [];
  });
  if (hidden.length === 0) return works(`all of ${CALLS.length} answer`);
  const filtered = isFiltered();
  return {
    status: "missing",
    detail: `${hidden.join(", ")}: ENOSYS`,
    cost: "no sandbox starts",
    remedy: filtered
      ? "start the container with a filter that lets them through, e.g. --security-opt seccomp=unconfined"
      : "install Linux 5.14 or newer",
  };
}

function filter(): Finds {
  if (!isFiltered()) return works("none is in force for this program");
  return {
    status: "limited",
    detail: "a seccomp filter is in force for this program, as in a container",
    cost: "it may refuse namespaces and mounts; the findings below say whether it does",
    remedy:
      "only if something below is refused: start the container with --security-opt seccomp=unconfined",
  };
}

function executableMemory(): Finds {
  const setting = readSetting("/proc/sys/vm/memfd_noexec");
  try {
    close(memfdCreate("paddock-probe", { executable: true }));
    return works(
      setting === undefined ? "this kernel allows it to all" : `vm.memfd_noexec is ${setting}`,
    );
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    return {
      status: "missing",
      detail: `vm.memfd_noexec is ${setting}`,
      cost: "no sandbox starts: the agent is a memory file",
      remedy: "sudo sysctl vm.memfd_noexec=1",
    };
  }
}

/** Whether supervision may read what a supervised call points to. Yama's ptrace_scope. */
function ptrace(): Finds {
  const setting = readSetting("/proc/sys/kernel/yama/ptrace_scope");
  const scope = Number(setting ?? 0);
  const detail = setting === undefined ? "no Yama" : `kernel.yama.ptrace_scope is ${scope}`;
  if (scope < 2 || (scope === 2 && Deno.uid() === 0)) return works(detail);
  return {
    status: "limited",
    detail,
    cost: "handlers of supervised system calls cannot read paths and addresses of the sandbox",
    remedy: scope === 3
      ? "boot with it at 1; it cannot be lowered from 3 before"
      : "sudo sysctl kernel.yama.ptrace_scope=1",
  };
}

async function plainSandbox(): Promise<Finds> {
  const start = performance.now();
  try {
    const { success, code } = await sandbox().timeout("20s").output(["/bin/sh", "-c", ":"]);
    if (!success) throw new Error(`/bin/sh ended with ${code}`);
    const first = performance.now() - start;
    return works(`started and ended in ${first.toFixed(first < 10 ? 1 : 0)} ms`);
  } catch (error) {
    return {
      status: "missing",
      detail: reasonOf(error),
      cost: "`paddock run` with no options fails",
      remedy: "see the other findings, first of all those that are missing",
    };
  }
}

/** In their order. */
export const MACHINE: readonly Probe[] = [
  { id: "sandbox", group: "Machine", title: "a plain sandbox", look: plainSandbox },
  { id: "kernel", group: "Machine", title: "kernel", look: kernel },
  {
    id: "architecture",
    group: "Machine",
    title: "architecture",
    // Importing anything of sys/ has failed where there are no tables for it.
    look: () => works(ARCH),
  },
  { id: "system-calls", group: "Machine", title: "system calls of a launch", look: calls },
  { id: "outer-filter", group: "Machine", title: "filters over this program", look: filter },
  {
    id: "executable-memory",
    group: "Machine",
    title: "executable memory files",
    look: executableMemory,
  },
  { id: "ptrace", group: "Machine", title: "reading supervised processes", look: ptrace },
];
