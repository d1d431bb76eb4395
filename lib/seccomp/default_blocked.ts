/**
 * The system calls that the default profile blocks, in groups, each with its reason. A capability
 * that the command keeps opens the groups that are of no use without it.
 *
 * @module
 */

import type { CapabilityName, FilterableCall } from "../spec.ts";
import type { ErrnoName } from "../sys/abi/errno.ts";
import { calls } from "./default_allowed.ts";

/** Calls that are blocked for one reason. */
export interface BlockedGroup {
  /** What they are for. */
  readonly what: string;
  /** Why a sandbox does not have them. */
  readonly why: string;
  readonly calls: readonly FilterableCall[];
  /** Default: EPERM, as if the caller had no right to. */
  readonly errno?: ErrnoName;
  /** Any of these, if it is kept, opens the group. */
  readonly unless?: readonly CapabilityName[];
}

/** All groups. */
export const BLOCKED: readonly BlockedGroup[] = [
  {
    what: "mounts",
    why:
      "the filesystem is the first wall; changing mounts takes it down, and the mount calls of " +
      "user namespaces have been a steady source of holes (CVE-2022-0185, CVE-2023-0386)",
    calls: calls(`
      mount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick
      mount_setattr
    `),
    unless: ["CAP_SYS_ADMIN"],
  },
  {
    what: "chroot",
    why:
      "leads out of a root directory that it is called in twice; only uid 0 can, for no good use",
    calls: ["chroot"],
    unless: ["CAP_SYS_CHROOT"],
  },
  {
    what: "namespaces of others",
    why: "joining a namespace of another sandbox or of the host is leaving this one",
    calls: ["setns"],
    unless: ["CAP_SYS_ADMIN"],
  },
  {
    what: "clone3",
    why:
      "its flags lie in memory, where a filter cannot look, and may ask for namespaces; libraries " +
      "that are told that it does not exist use clone, whose flags are looked at",
    calls: ["clone3"],
    errno: "ENOSYS",
  },
  {
    what: "io_uring",
    why: "makes system calls that no filter sees, opens and sockets among them, and has had more " +
      "holes than any other part of the kernel in its time; ENOSYS, as on a kernel without it",
    calls: calls("io_uring_setup io_uring_enter io_uring_register"),
    errno: "ENOSYS",
  },
  {
    what: "other processes' memory and descriptors",
    why: "a debugger's way into a process; what it does to a program of the same user is what an " +
      "attacker wants to do to the next one",
    calls: calls(`
      ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_getfd kcmp
    `),
    unless: ["CAP_SYS_PTRACE"],
  },
  {
    what: "BPF programs",
    why: "the verifier has been fooled again and again (CVE-2021-3490, CVE-2022-23222)",
    calls: ["bpf"],
    unless: ["CAP_BPF", "CAP_SYS_ADMIN"],
  },
  {
    what: "performance counters",
    why: "measures the rest of the machine too, and is large (CVE-2023-2235)",
    calls: ["perf_event_open"],
    unless: ["CAP_PERFMON", "CAP_SYS_ADMIN"],
  },
  {
    what: "page faults handled by a program",
    why: "stops the kernel in the middle of a copy for as long as one likes, which turns narrow " +
      "races into sure ones",
    calls: ["userfaultfd"],
  },
  {
    what: "keyrings",
    why:
      "keys belong to a user, not to a namespace, and the code has had its holes (CVE-2016-0728)",
    calls: calls("add_key request_key keyctl"),
  },
  {
    what: "kernel modules",
    why: "a module is the kernel",
    calls: calls("init_module finit_module delete_module"),
    unless: ["CAP_SYS_MODULE"],
  },
  {
    what: "another kernel, and the end of this one",
    why: "concerns the whole machine",
    calls: calls("kexec_load kexec_file_load reboot"),
    unless: ["CAP_SYS_BOOT"],
  },
  {
    what: "swap",
    why: "the machine's memory",
    calls: calls("swapon swapoff"),
    unless: ["CAP_SYS_ADMIN"],
  },
  {
    what: "setting clocks",
    why: "there is one time of day for the whole machine",
    calls: calls("settimeofday clock_settime adjtimex clock_adjtime"),
    unless: ["CAP_SYS_TIME"],
  },
  {
    what: "the kernel's log",
    why: "tells addresses, and of other programs",
    calls: ["syslog"],
    unless: ["CAP_SYSLOG"],
  },
  {
    what: "ports of the machine",
    why: "talks to hardware past the kernel",
    calls: calls("iopl ioperm"),
    unless: ["CAP_SYS_RAWIO"],
  },
  {
    what: "segments of 16-bit programs",
    why: "old code at the very bottom of the kernel that no program of today needs (CVE-2015-3290)",
    calls: ["modify_ldt"],
  },
  {
    what: "files by handle",
    why:
      "opens files past every directory, also those outside of the root (the hole called Shocker)",
    calls: ["open_by_handle_at"],
    unless: ["CAP_DAC_READ_SEARCH"],
  },
  {
    what: "watching a whole filesystem",
    why: "a bound folder's filesystem has more of the host in it than the folder",
    calls: calls("fanotify_init fanotify_mark"),
    unless: ["CAP_SYS_ADMIN"],
  },
  {
    what: "the memory of particular nodes",
    why: "moves pages about, also those of other processes, by code that is little used",
    calls: calls("mbind set_mempolicy set_mempolicy_home_node migrate_pages move_pages"),
    unless: ["CAP_SYS_NICE"],
  },
  {
    what: "quotas and accounting",
    why: "the machine's books",
    calls: calls("quotactl quotactl_fd acct"),
    unless: ["CAP_SYS_ADMIN", "CAP_SYS_PACCT"],
  },
  {
    what: "names of the machine",
    why: "the sandbox has the names that it was given",
    calls: calls("sethostname setdomainname"),
    unless: ["CAP_SYS_ADMIN"],
  },
  {
    what: "the terminal's hang-up",
    why: "throws others off a terminal",
    calls: ["vhangup"],
    unless: ["CAP_SYS_TTY_CONFIG"],
  },
  {
    what: "security labels",
    why: "the label is part of what the sandbox was given",
    calls: ["lsm_set_self_attr"],
  },
  {
    what: "what is no more, or never was",
    why: "removed from the kernel or never in it; whatever is left of them is not looked after",
    calls: calls(`
      _sysctl sysfs uselib create_module get_kernel_syms query_module nfsservctl lookup_dcookie
      afs_syscall tuxcall vserver security getpmsg putpmsg
    `),
    errno: "ENOSYS",
  },
];
