// What is mounted where is the first wall.

import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, O_RDONLY } from "../../../lib/sys/abi/fcntl.ts";
import * as abi from "../../../lib/sys/abi/mount.ts";
import { mountAttr } from "../../../lib/plan/structs.ts";
import { type Attempt, filtered } from "../attack.ts";

const GUARD = "no CAP_SYS_ADMIN; seccomp";

/** A mount call that needs CAP_SYS_ADMIN: refused by the filter, and without it. */
function mount(name: string, ...calls: Attempt["calls"]): Attempt {
  return { name, guard: GUARD, calls, expect: `${calls.at(-1)!.call} EPERM` };
}

const path = (
  call: Attempt["calls"][number]["call"],
  ...args: Attempt["calls"][number]["args"] & object
) => ({ call, args });

/** The attempts. */
export const MOUNTS: readonly Attempt[] = [
  mount("remount the root writable", path("mount", 0, "/", 0, abi.MS_REMOUNT | abi.MS_BIND, 0)),
  mount("remount /usr writable", path("mount", 0, "/usr", 0, abi.MS_REMOUNT | abi.MS_BIND, 0)),
  mount(
    "clear the read-only flag of /usr",
    path(
      "mount_setattr",
      AT_FDCWD,
      "/usr",
      AT_RECURSIVE,
      new Uint8Array(new BigUint64Array([0n, BigInt(abi.MOUNT_ATTR_RDONLY), 0n, 0n]).buffer),
      32,
    ),
  ),
  mount("make the mounts shared", path("mount", 0, "/", 0, abi.MS_REC | abi.MS_SHARED, 0)),
  mount("unmount /proc, with what masks it", path("umount2", "/proc", abi.MNT_DETACH)),
  mount("unmount the root", path("umount2", "/", abi.MNT_DETACH)),
  mount("bind a folder of one's own over /etc", path("mount", "/tmp", "/etc", 0, abi.MS_BIND, 0)),
  mount(
    "bind the old root that lies below",
    path("mount", "/", "/tmp", 0, abi.MS_BIND | abi.MS_REC, 0),
  ),
  mount("mount a fresh proc, without masks", path("mount", "proc", "/tmp", "proc", 0, 0)),
  mount("mount sysfs", path("mount", "sysfs", "/tmp", "sysfs", 0, 0)),
  mount("mount the host's disk", path("mount", "/dev/vda", "/tmp", "ext4", 0, 0)),
  mount(
    "mount a cgroup hierarchy, for its release_agent (CVE-2022-0492)",
    path("mount", "cgroup", "/tmp", "cgroup", 0, "memory"),
  ),
  mount("mount cgroup v2", path("mount", "none", "/tmp", "cgroup2", 0, 0)),
  mount(
    "mount an overlay (CVE-2023-0386)",
    path("mount", "overlay", "/tmp", "overlay", 0, "lowerdir=/usr,upperdir=/tmp,workdir=/run"),
  ),
  mount("configure a filesystem (CVE-2022-0185)", path("fsopen", "ext4", 0)),
  mount("clone a tree of mounts", path("open_tree", AT_FDCWD, "/usr", abi.OPEN_TREE_CLONE)),
  {
    name: "open a mount and move it elsewhere",
    guard: GUARD,
    calls: [
      { call: "openat", args: [AT_FDCWD, "/tmp", O_RDONLY, 0], store: "fd" },
      {
        call: "move_mount",
        args: [{ load32: "fd" }, "", AT_FDCWD, "/run", abi.MOVE_MOUNT_F_EMPTY_PATH],
      },
    ],
    expect: "move_mount EPERM",
  },
  mount("change into another root", path("pivot_root", "/tmp", "/tmp")),
  mount("chroot out of the root", path("chroot", "/tmp")),
  {
    name: "map a mount's ids to one's own",
    guard: GUARD,
    calls: [{
      call: "mount_setattr",
      args: [AT_FDCWD, "/usr", AT_EMPTY_PATH, mountAttr(abi.MOUNT_ATTR_IDMAP, { userns: 0 }), 32],
    }],
    expect: "mount_setattr EPERM",
  },
  {
    name: "open a file past all directories (Shocker, CVE-2014-6407)",
    guard: "no CAP_DAC_READ_SEARCH; seccomp",
    calls: [
      { call: "openat", args: [AT_FDCWD, "/usr", O_RDONLY, 0], store: "fd" },
      {
        call: "open_by_handle_at",
        // The handle of inode 2, the root of an ext4 filesystem.
        args: [
          { load32: "fd" },
          new Uint8Array([8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
          O_RDONLY,
        ],
      },
    ],
    expect: "open_by_handle_at EPERM",
  },
  {
    name: "watch the whole filesystem behind a bind",
    guard: "no CAP_SYS_ADMIN; seccomp",
    calls: [
      { call: "fanotify_init", args: [0x200, O_RDONLY], store: "fd" },
      { call: "fanotify_mark", args: [{ load32: "fd" }, 0x101, 0x20, AT_FDCWD, "/usr"] },
    ],
    expect: filtered("fanotify_init EPERM", "fanotify_mark EPERM"),
  },
];
