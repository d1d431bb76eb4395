// /proc is the sandbox's own, but much in it is the machine's.

import { AT_FDCWD, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from "../../../lib/sys/abi/fcntl.ts";
import type { Attempt, Call } from "../attack.ts";

const KNOB = "the command's id on the host owns nothing; read-only mounts";
const INIT = "pid 1 is not dumpable (PR_SET_DUMPABLE 0)";

const open = (path: string, flags: number): Call => ({
  call: "openat",
  args: [AT_FDCWD, path, flags, 0],
  store: "fd",
});
const write = (text: string): Call => ({
  call: "write",
  args: [{ load32: "fd" }, text, text.length],
});

/** Something of the machine's that is refused to be opened. */
const knob = (path: string, name: string, flags = O_WRONLY): Attempt => ({
  name,
  guard: KNOB,
  calls: [open(path, flags)],
  // Some kernels are built without.
  expect: "openat EACCES or openat ENOENT",
});
/** Something of pid 1's. */
const init = (file: string, name: string, flags = O_RDONLY): Attempt => ({
  name,
  guard: INIT,
  calls: [open(`/proc/1/${file}`, flags)],
  expect: "openat EACCES",
});

/** The attempts. */
export const PROC: readonly Attempt[] = [
  init("root/etc", "leave by the root of pid 1", O_PATH),
  init("cwd/etc", "leave by the working directory of pid 1", O_PATH),
  init("mem", "write pid 1's memory by /proc", O_RDWR),
  init("environ", "read pid 1's environment"),
  init("maps", "read where things are in pid 1's memory"),
  init("fd/1", "use a descriptor of pid 1's", O_WRONLY),
  init("ns/mnt", "open pid 1's mount namespace"),
  init("uid_map", "change the id map by pid 1's file", O_RDWR),
  knob("/proc/sysrq-trigger", "crash the machine by sysrq-trigger"),
  knob("/proc/sys/kernel/core_pattern", "have the kernel execute a program by core_pattern"),
  knob("/proc/sys/kernel/modprobe", "have the kernel execute a program by modprobe"),
  knob("/proc/sys/kernel/hotplug", "have the kernel execute a program by hotplug", O_WRONLY),
  knob("/proc/sys/vm/overcommit_memory", "change how the machine gives memory"),
  knob("/proc/sys/vm/drop_caches", "drop the machine's caches"),
  knob("/proc/sys/kernel/randomize_va_space", "turn address randomization off"),
  knob("/proc/sys/fs/suid_dumpable", "have set-uid programs dump their memory"),
  knob("/proc/sys/user/max_user_namespaces", "allow user namespaces again"),
  knob("/proc/kcore", "read the machine's memory by kcore", O_RDONLY),
  knob("/proc/kmsg", "read the kernel's log by kmsg", O_RDONLY),
  knob("/proc/irq/default_smp_affinity", "move interrupts to another processor"),
  {
    name: "map more ids",
    guard: "an id map is written once; no CAP_SETUID outside",
    calls: [open("/proc/self/uid_map", O_WRONLY), write("0 0 4294967295")],
    expect: "write EPERM",
  },
  {
    name: "allow setgroups again",
    guard: "setgroups was denied before the gid map was written",
    calls: [open("/proc/self/setgroups", O_WRONLY), write("allow")],
    expect: "openat EACCES",
  },
  {
    name: "be the last one to be killed when memory is short",
    guard: "no CAP_SYS_RESOURCE",
    calls: [open("/proc/self/oom_score_adj", O_WRONLY), write("-1000")],
    expect: "write EACCES",
  },
  knob("/proc/sys/fs/binfmt_misc/register", "register a program for other programs' files"),
];
