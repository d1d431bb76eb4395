// What is shown of the host cannot be changed, and nothing else of it is there.

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
} from "../../../lib/sys/abi/fcntl.ts";
import type { Attempt, Call } from "../attack.ts";

const READ_ONLY = "read-only mounts; the sealed root";
const NOT_THERE = "a root of its own, of which only the system's folders are the host's";
const DEV = "a /dev of its own; no CAP_MKNOD";

const open = (path: string, flags: number): Call => ({
  call: "openat",
  args: [AT_FDCWD, path, flags, 0o644],
});
/** A file of the host that is not there. */
const absent = (path: string, what = `read ${path}`): Attempt => ({
  name: what,
  guard: NOT_THERE,
  calls: [open(path, O_RDONLY)],
  expect: "openat ENOENT",
});
const device = (major: number, minor: number) =>
  (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
const node = (name: string, type: number, major: number, minor: number): Attempt => ({
  name,
  guard: "no CAP_MKNOD; nodev mounts; seccomp",
  calls: [
    { call: "mknodat", args: [AT_FDCWD, "/tmp/node", type | 0o666, device(major, minor)] },
    open("/tmp/node", O_RDWR),
  ],
  expect: "mknodat EPERM",
});

/** The attempts. */
export const FILES: readonly Attempt[] = [
  absent("/etc/shadow"),
  absent("/etc/sudoers"),
  absent("/root/.ssh/id_rsa"),
  absent("/home"),
  absent("/var/lib"),
  absent("/var/run/docker.sock", "reach the container engine's socket"),
  absent("/run/systemd/private", "reach systemd's socket"),
  absent("/sys/kernel/security", "reach sysfs"),
  absent("/sys/fs/cgroup/cgroup.procs", "reach the host's tree of cgroups"),
  {
    name: "leave by .. from the working directory",
    guard: "pivot_root; the old root is detached before the command starts",
    calls: [open("../../../../../../../../home", O_PATH)],
    expect: "openat ENOENT",
  },
  {
    name: "leave by .. from a bound folder",
    guard: "pivot_root; the old root is detached before the command starts",
    calls: [open("/usr/bin/../../../../home", O_PATH | O_DIRECTORY)],
    expect: "openat ENOENT",
  },
  {
    name: "a descriptor that was left open (CVE-2024-21626)",
    guard: "close-on-exec everywhere, and once more before execve",
    calls: [
      { call: "SET", args: [3], store: "fd" },
      {
        call: "fcntl",
        args: [{ load: "fd" }, 1],
        onError: "ignore",
        store: "flags",
        when: { differs: -9 },
        goto: "found",
        label: "next",
      },
      {
        call: "ADD",
        args: [{ load: "fd" }, 1],
        store: "fd",
        when: { differs: 1024 },
        goto: "next",
      },
      { call: "SET", args: [-9], label: "none" },
      { call: "SET", args: [0], label: "found" },
    ],
    expect: "SET EBADF",
  },
  {
    name: "write to a program of the host",
    guard: READ_ONLY,
    calls: [open("/usr/bin/env", O_WRONLY)],
    expect: "openat EACCES",
  },
  {
    name: "put a program into /usr/bin",
    guard: READ_ONLY,
    calls: [open("/usr/bin/paddock-was-here", O_CREAT | O_WRONLY)],
    expect: "openat EROFS",
  },
  {
    name: "put a file into the root",
    guard: READ_ONLY,
    calls: [open("/paddock-was-here", O_CREAT | O_WRONLY)],
    expect: "openat EROFS",
  },
  {
    name: "replace /etc/passwd",
    guard: READ_ONLY,
    calls: [
      open("/tmp/passwd", O_CREAT | O_WRONLY),
      { call: "renameat2", args: [AT_FDCWD, "/tmp/passwd", AT_FDCWD, "/etc/passwd", 0] },
    ],
    expect: "renameat2 EXDEV",
  },
  {
    name: "remove a program of the host",
    guard: READ_ONLY,
    calls: [{ call: "unlinkat", args: [AT_FDCWD, "/usr/bin/env", 0] }],
    expect: "unlinkat EROFS",
  },
  {
    name: "make a program of the host set-uid",
    guard: READ_ONLY,
    calls: [{ call: "fchmodat", args: [AT_FDCWD, "/usr/bin/env", 0o4755] }],
    expect: "fchmodat EROFS",
  },
  {
    name: "give a program of the host file capabilities",
    guard: READ_ONLY,
    calls: [{
      call: "setxattr",
      args: [
        "/usr/bin/env",
        "security.capability",
        new Uint8Array([0, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        20,
        0,
      ],
    }],
    expect: "setxattr EROFS",
  },
  {
    name: "overwrite the running program of the host by /proc/self/exe (CVE-2019-5736)",
    guard: "the agent is a sealed memfd; programs are on read-only mounts",
    calls: [open("/proc/1/exe", O_WRONLY)],
    expect: "openat EACCES",
  },
  {
    name: "link to a file that is not one's own",
    guard: READ_ONLY,
    calls: [
      { call: "openat", args: [AT_FDCWD, "/usr/bin/env", O_PATH, 0], store: "fd" },
      { call: "linkat", args: [{ load32: "fd" }, "", AT_FDCWD, "/tmp/env", AT_EMPTY_PATH] },
    ],
    // Before Linux 6.10 an empty path wanted CAP_DAC_READ_SEARCH.
    expect: "linkat EXDEV or linkat ENOENT",
  },
  node("make a node of the host's disk", S_IFBLK, 254, 0),
  node("make a node of the machine's memory", S_IFCHR, 1, 1),
  node("make a node of the hypervisor's device", S_IFCHR, 10, 232),
  ...["/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/vda", "/dev/fuse", "/dev/net/tun"].map(
    (path): Attempt => ({
      name: `open ${path}`,
      guard: DEV,
      calls: [open(path, O_RDWR)],
      expect: "openat ENOENT",
    }),
  ),
  {
    name: "turn accounting on, to be executed by the kernel",
    guard: "no CAP_SYS_PACCT; seccomp",
    calls: [{ call: "acct", args: ["/tmp/x"] }],
    expect: "acct EPERM",
  },
];
