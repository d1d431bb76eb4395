// Other processes: pid 1, which is Paddock's, and the host's.

import { AT_FDCWD, O_RDONLY } from "../../../lib/sys/abi/fcntl.ts";
import { type Attempt, filtered } from "../attack.ts";

const PTRACE_ATTACH = 16, PTRACE_SEIZE = 0x4206, KCMP_FILE = 0;
const INIT = "pid 1 is not dumpable; seccomp";
const iovec = { words: [{ at: "buffer" }, 8] } as const;
/** An address in pid 1's memory. */
const remote = { words: [0x2000_0000, 8] } as const;

/** The attempts. */
export const PROCESSES: readonly Attempt[] = [
  {
    name: "attach to pid 1 as its debugger",
    guard: INIT,
    calls: [{ call: "ptrace", args: [PTRACE_ATTACH, 1, 0, 0] }],
    expect: "ptrace EPERM",
  },
  {
    name: "attach to pid 1 without stopping it",
    guard: INIT,
    calls: [{ call: "ptrace", args: [PTRACE_SEIZE, 1, 0, 0] }],
    expect: "ptrace EPERM",
  },
  {
    name: "read pid 1's memory",
    guard: INIT,
    calls: [{ call: "process_vm_readv", args: [1, iovec, 1, remote, 1, 0] }],
    expect: "process_vm_readv EPERM",
  },
  {
    name: "write pid 1's memory (CVE-2016-9962)",
    guard: INIT,
    calls: [{ call: "process_vm_writev", args: [1, iovec, 1, remote, 1, 0] }],
    expect: "process_vm_writev EPERM",
  },
  {
    name: "take a descriptor of pid 1's",
    guard: INIT,
    calls: [
      { call: "pidfd_open", args: [1, 0], store: "pidfd" },
      { call: "pidfd_getfd", args: [{ load32: "pidfd" }, 0, 0] },
    ],
    expect: "pidfd_getfd EPERM",
  },
  {
    name: "compare descriptors with pid 1",
    guard: INIT,
    calls: [{ call: "kcmp", args: [1, 1, KCMP_FILE, 0, 1] }],
    expect: "kcmp EPERM",
  },
  {
    name: "join pid 1's namespaces by a pidfd",
    guard: "no CAP_SYS_ADMIN; seccomp",
    calls: [
      { call: "pidfd_open", args: [1, 0], store: "pidfd" },
      { call: "setns", args: [{ load32: "pidfd" }, 0x2000_0000] },
    ],
    expect: "setns EPERM",
  },
  {
    name: "kill pid 1",
    guard: "the kernel ignores signals to pid 1 that it does not handle",
    calls: [
      { call: "kill", args: [1, 9], onError: { tolerate: "EPERM" } },
      { call: "kill", args: [1, 19], onError: { tolerate: "EPERM" } },
      { call: "kill", args: [1, 15], onError: { tolerate: "EPERM" } },
      { call: "kill", args: [1, 0], onError: { tolerate: "EPERM" } },
    ],
    expect: "done",
  },
  {
    name: "kill everybody",
    guard: "a pid namespace: there is nobody but the sandbox's own",
    calls: [{ call: "kill", args: [-1, 9] }],
    expect: "kill ESRCH",
  },
  {
    name: "signal the program that made the sandbox",
    guard: "a pid namespace: it has no number here",
    calls: [{ call: "kill", args: [Deno.pid, 0] }],
    expect: "kill ESRCH",
  },
  {
    name: "lower pid 1's limits",
    guard: "it is the sandbox's own, and still reports the end",
    calls: [
      { call: "prlimit64", args: [1, 7, { words: [0, 0] }, 0] },
      { call: "prlimit64", args: [1, 1, { words: [0, 0] }, 0] },
    ],
    expect: "done",
  },
  {
    name: "raise one's own limits",
    guard: "no CAP_SYS_RESOURCE",
    calls: [
      { call: "prlimit64", args: [0, 6, { words: [100, 100] }, 0] },
      { call: "prlimit64", args: [0, 6, { words: [100, 101] }, 0] },
    ],
    expect: "prlimit64 EPERM",
  },
  {
    name: "come before everybody else, as a real-time process",
    guard: "no CAP_SYS_NICE",
    calls: [{ call: "sched_setscheduler", args: [0, 1, { words: [99] }] }],
    expect: "sched_setscheduler EPERM",
  },
  {
    name: "come before everybody else, by niceness",
    guard: "no CAP_SYS_NICE",
    calls: [{ call: "setpriority", args: [0, 0, -20] }],
    expect: "setpriority EACCES",
  },
  {
    name: "come first at the disk",
    guard: "no CAP_SYS_ADMIN, no CAP_SYS_NICE",
    calls: [{ call: "ioprio_set", args: [1, 0, 1 << 13] }],
    expect: "ioprio_set EPERM",
  },
  {
    name: "slow pid 1 down",
    guard: "other ids",
    calls: [{ call: "sched_setaffinity", args: [1, 8, { words: [1] }] }],
    expect: "sched_setaffinity EPERM",
  },
  {
    name: "move pid 1's memory",
    guard: "no CAP_SYS_NICE; seccomp",
    calls: [{ call: "migrate_pages", args: [1, 1, { words: [1] }, { words: [1] }] }],
    expect: "migrate_pages EPERM",
  },
  {
    name: "give pid 1's memory back",
    guard: INIT,
    calls: [
      { call: "pidfd_open", args: [1, 0], store: "pidfd" },
      { call: "process_madvise", args: [{ load32: "pidfd" }, remote, 1, 21, 0] },
    ],
    expect: filtered("process_madvise EPERM", "process_madvise EACCES or process_madvise EPERM"),
  },
  {
    name: "read the keys in another's process directory",
    guard: "a proc of its own, of its own pid namespace",
    calls: [{ call: "openat", args: [AT_FDCWD, `/proc/${Deno.pid}/environ`, O_RDONLY, 0] }],
    expect: "openat ENOENT",
  },
];
