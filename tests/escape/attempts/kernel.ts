// Parts of the kernel that concern the whole machine, or are known for their holes.

import { type Attempt, type Call, filtered } from "../attack.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "../../../lib/sys/abi/fcntl.ts";

/** Where the kernel was built without. */
const NOT_BUILT = "EPERM or ENOSYS";
const FILTER = "seccomp";
const both = (capability: string) => `no ${capability}; seccomp`;
const PERF = new Uint8Array(128);
new DataView(PERF.buffer).setUint32(4, 128, true);

/** One call that is refused either way, maybe by another errno without the filter. */
function one(
  name: string,
  guard: string,
  call: Call,
  refused = "EPERM",
  there = refused,
  arch?: "x86_64",
): Attempt {
  const words = (errnos: string) =>
    errnos.split(" or ").filter(Boolean).map((errno) => `${call.call} ${errno}`).join(" or ");
  const expect = filtered(words(refused), words(there));
  return { name, guard, calls: [call], expect, ...(arch ? { arch } : {}) };
}

/** The attempts. */
export const KERNEL: readonly Attempt[] = [
  one(
    "load a module from memory",
    both("CAP_SYS_MODULE"),
    {
      call: "init_module",
      args: ["x", 1, ""],
    },
    "EPERM",
    NOT_BUILT,
  ),
  {
    name: "load a module from a file",
    guard: both("CAP_SYS_MODULE"),
    calls: [
      { call: "openat", args: [AT_FDCWD, "/tmp/x.ko", O_RDWR | O_CREAT, 0o644], store: "fd" },
      { call: "finit_module", args: [{ load32: "fd" }, "", 0] },
    ],
    expect: filtered("finit_module EPERM", "finit_module EPERM or finit_module ENOSYS"),
  },
  one(
    "unload a module",
    both("CAP_SYS_MODULE"),
    { call: "delete_module", args: ["overlay", 0] },
    "EPERM",
    NOT_BUILT,
  ),
  one(
    "start another kernel",
    both("CAP_SYS_BOOT"),
    { call: "kexec_load", args: [0, 0, 0, 0] },
    "EPERM",
    NOT_BUILT,
  ),
  one(
    "start another kernel from a file",
    both("CAP_SYS_BOOT"),
    {
      call: "kexec_file_load",
      args: [-1, -1, 0, "", 4],
    },
    "EPERM",
    NOT_BUILT,
  ),
  one("switch the machine off", both("CAP_SYS_BOOT; a pid namespace"), {
    call: "reboot",
    args: [0xfee1dead, 0x28121969, 0x4321_fedc, 0],
  }),
  one("set the time of day", both("CAP_SYS_TIME"), {
    call: "clock_settime",
    args: [0, { words: [1_000_000_000, 0] }],
  }),
  one("set the time of day, the old way", both("CAP_SYS_TIME"), {
    call: "settimeofday",
    args: [{ words: [1_000_000_000, 0] }, 0],
  }),
  one("tune the clock", both("CAP_SYS_TIME"), {
    call: "clock_adjtime",
    args: [0, { words: [1, ...Array(25).fill(0)] }],
  }),
  one("swap to a file of its own", both("CAP_SYS_ADMIN"), { call: "swapon", args: ["/tmp/x", 0] }),
  one(
    "read the kernel's log",
    both("CAP_SYSLOG"),
    {
      call: "syslog",
      args: [3, { at: "buffer" }, 100],
    },
    "EPERM",
    "",
  ),
  one(
    "load a BPF program",
    both("CAP_BPF"),
    {
      call: "bpf",
      args: [5, { words: [0x2_0000_0001, 0, 0, 0, 0, 0, 0, 0] }, 64],
    },
    "EPERM",
    "",
  ),
  one(
    "count events of the processor",
    FILTER,
    {
      call: "perf_event_open",
      args: [PERF, -1, 0, -1, 0],
    },
    "EPERM",
    "",
  ),
  one("handle page faults, to win races", FILTER, { call: "userfaultfd", args: [0] }, "EPERM", ""),
  one(
    "make a ring of io_uring",
    FILTER,
    {
      call: "io_uring_setup",
      args: [4, { at: "a struct" }],
    },
    "ENOSYS",
    "",
  ),
  one(
    "add a key",
    `${FILTER}; a session keyring of its own`,
    {
      call: "add_key",
      args: ["user", "paddock", "x", 1, -3],
    },
    "EPERM",
    "",
  ),
  one(
    "join a session keyring",
    `${FILTER}; a session keyring of its own`,
    {
      call: "keyctl",
      args: [1, "_ses"],
    },
    "EPERM",
    "",
  ),
  one(
    "ask the host for a key",
    `${FILTER}; a session keyring of its own`,
    {
      call: "request_key",
      args: ["user", "paddock-none", 0, 0],
    },
    "EPERM",
    "ENOKEY",
  ),
  one(
    "read quotas",
    both("CAP_SYS_ADMIN"),
    {
      call: "quotactl",
      args: [0x8000_0700, 0, 0, { at: "a struct" }],
    },
    "EPERM",
    "",
  ),
  one("hang the terminal up", both("CAP_SYS_TTY_CONFIG"), { call: "vhangup" }),
  one(
    "talk to ports of the machine",
    both("CAP_SYS_RAWIO"),
    {
      call: "iopl" as Call["call"],
      args: [3],
    },
    "EPERM",
    NOT_BUILT,
    "x86_64",
  ),
  one(
    "take a port of the machine",
    both("CAP_SYS_RAWIO"),
    {
      call: "ioperm" as Call["call"],
      args: [0x60, 1, 1],
    },
    "EPERM",
    NOT_BUILT,
    "x86_64",
  ),
  one(
    "make a segment of 16 bits (CVE-2015-3290)",
    FILTER,
    {
      call: "modify_ldt" as Call["call"],
      args: [0, { at: "buffer" }, 16],
    },
    "EPERM",
    "",
    "x86_64",
  ),
  one(
    "make everything that can be read executable",
    FILTER,
    {
      call: "personality",
      args: [0x40_0000],
    },
    "EPERM",
    "",
  ),
  one(
    "move memory between nodes",
    FILTER,
    {
      call: "set_mempolicy",
      args: [0, 0, 0],
    },
    "EPERM",
    "",
  ),
  {
    name: "call the kernel by the x32 table",
    guard: "seccomp kills it; most kernels have no such table",
    arch: "x86_64",
    // getpid of that table.
    calls: [{ call: "getpid", number: 0x4000_0000 + 39 }],
    expect: filtered("signal SIGSYS", ""),
  },
  {
    name: "call what there is not",
    guard: "seccomp says so before the kernel looks",
    calls: [{ call: "getpid", number: 0x3ff }],
    expect: "getpid ENOSYS",
  },
  {
    name: "replace the filter by one that allows everything",
    guard: "filters add up, and the strictest answer counts",
    calls: [
      {
        call: "seccomp",
        // One instruction: return SECCOMP_RET_ALLOW.
        args: [1, 0, { words: [1, new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f])] }],
      },
      { call: "add_key", args: ["user", "paddock", "x", 1, -3] },
    ],
    expect: filtered("add_key EPERM", ""),
  },
];
