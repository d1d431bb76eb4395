// Rights that the command has not, and cannot get.

import { type Attempt, filtered } from "../attack.ts";
import { CLONE_NEWUSER } from "../../../lib/sys/abi/clone.ts";
import { UNPRIVILEGED_ID } from "../../../lib/plan/identity.ts";

const MAP = "only its own id is mapped; no CAP_SETUID";
const ALL = [0x2008_0522, 0, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0, 0, 0];
const header = new Uint8Array(new Uint32Array(ALL.slice(0, 2)).buffer);
const caps = new Uint8Array(new Uint32Array([0xffff_ffff, 0xffff_ffff, 0, 0x1ff, 0x1ff, 0]).buffer);
const NESTING = "max_user_namespaces is 0 inside; seccomp";

/** The attempts. */
export const IDENTITY: readonly Attempt[] = [
  {
    name: "become root of the host by its number",
    guard: MAP,
    calls: [{ call: "setresuid", args: [UNPRIVILEGED_ID, UNPRIVILEGED_ID, UNPRIVILEGED_ID] }],
    expect: "setresuid EINVAL",
  },
  {
    name: "become another user",
    guard: MAP,
    calls: [{ call: "setresuid", args: [4242, 4242, 4242] }],
    expect: "setresuid EINVAL",
  },
  {
    name: "become another group",
    guard: MAP,
    calls: [{ call: "setresgid", args: [42, 42, 42] }],
    expect: "setresgid EINVAL",
  },
  {
    name: "join a group",
    guard: "setgroups is denied; no CAP_SETGID",
    calls: [{ call: "setgroups", args: [1, { words: [0] }] }],
    expect: "setgroups EPERM",
  },
  {
    name: "take all capabilities",
    guard: "the permitted set is empty",
    calls: [{ call: "capset", args: [header, caps] }],
    expect: "capset EPERM",
  },
  {
    name: "put a capability into the ambient set",
    guard: "the permitted and the inheritable set are empty",
    calls: [{ call: "prctl", args: [47, 2, 21, 0, 0] }],
    expect: "prctl EPERM",
  },
  {
    name: "have capabilities kept over a change of ids",
    guard: "there are none; the secure bits need CAP_SETPCAP",
    calls: [{ call: "prctl", args: [28, 0x11, 0, 0, 0] }],
    expect: "prctl EPERM",
  },
  {
    name: "lift no_new_privs",
    guard: "it is for good",
    calls: [{ call: "prctl", args: [38, 0, 0, 0, 0] }],
    expect: "prctl EINVAL",
  },
  {
    name: "make a user namespace, to be root in it",
    guard: NESTING,
    calls: [{ call: "unshare", args: [CLONE_NEWUSER] }],
    expect: filtered("unshare EPERM", "unshare ENOSPC"),
  },
  {
    name: "clone into a user namespace",
    guard: NESTING,
    calls: [{ call: "clone", args: [CLONE_NEWUSER | 17, 0, 0, 0, 0] }],
    expect: filtered("clone EPERM", "clone ENOSPC"),
  },
  {
    name: "clone into a user namespace, by flags that no filter sees",
    guard: NESTING,
    calls: [{ call: "clone3", args: [{ words: [CLONE_NEWUSER, 0, 0, 0, 17, 0, 0, 0] }, 64] }],
    expect: filtered("clone3 ENOSYS", "clone3 ENOSPC"),
  },
  ...([
    ["mount", 0x2_0000],
    ["uts", 0x400_0000],
    ["ipc", 0x800_0000],
    ["pid", 0x2000_0000],
    ["net", 0x4000_0000],
    ["cgroup", 0x200_0000],
    ["time", 0x80],
  ] as const).map(([kind, flag]): Attempt => ({
    name: `make a ${kind} namespace`,
    guard: "no CAP_SYS_ADMIN; seccomp",
    calls: [{ call: "unshare", args: [flag] }],
    expect: "unshare EPERM",
  })),
  {
    name: "rename the machine",
    guard: "no CAP_SYS_ADMIN; seccomp; a uts namespace",
    calls: [{ call: "sethostname", args: ["mine", 4] }],
    expect: "sethostname EPERM",
  },
];
