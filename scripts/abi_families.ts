/**
 * What `generate_abi.ts` takes from the headers: which names, into which file, and by hand what is
 * newer than the headers.
 *
 * @module
 */

/** How a number is written. */
export type Base = "hex" | "decimal" | "octal" | "bigint";

/** A part of a file: constants that belong together. */
export interface Group {
  /** Headers to include, in this order. */
  headers: string[];
  /** Names to take. */
  take: RegExp;
  /** Names not to take. */
  except?: RegExp;
  /** The base; hexadecimal when not said. */
  base?: Base;
  /** The man page or other source, for the documentation line. */
  page: string;
  /** One object of this name instead of one export per constant. */
  object?: { name: string; doc: string };
  /**
   * Constants newer than the headers, by hand: `[name, value, first release]`. Checked against the
   * headers as soon as these know the name.
   */
  add?: [string, number, string][];
}

/** A generated file. */
export interface Family {
  file: string;
  /** The module's documentation. */
  doc: string;
  groups: Group[];
  /** Source text appended as it is. */
  tail?: string;
}

/** System calls newer than the headers, the same on every architecture: number, first release. */
export const ADDED_SYSCALLS: Record<string, [number, string]> = {
  set_mempolicy_home_node: [450, "5.17"],
  cachestat: [451, "6.5"],
  fchmodat2: [452, "6.6"],
  map_shadow_stack: [453, "6.6"],
  futex_wake: [454, "6.7"],
  futex_wait: [455, "6.7"],
  futex_requeue: [456, "6.7"],
  statmount: [457, "6.8"],
  listmount: [458, "6.8"],
  lsm_get_self_attr: [459, "6.8"],
  lsm_set_self_attr: [460, "6.8"],
  lsm_list_modules: [461, "6.8"],
  mseal: [462, "6.10"],
  setxattrat: [463, "6.13"],
  getxattrat: [464, "6.13"],
  listxattrat: [465, "6.13"],
  removexattrat: [466, "6.13"],
  open_tree_attr: [467, "6.15"],
  file_getattr: [468, "6.17"],
  file_setattr: [469, "6.17"],
};

/** The generated files, but for those of system calls and errnos. */
export const FAMILIES: Family[] = [
  {
    file: "clone.ts",
    doc: `The flags of clone3(2), unshare(2) and setns(2).

Those over 32 bits (CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP) are lost by JavaScript's \`|\`, which
works on 32 bits: combine flags as bigints, or by addition.`,
    groups: [{
      headers: ["linux/types.h", "linux/sched.h"],
      take: /^(CLONE_|CSIGNAL$)/,
      page: "clone(2)",
    }],
  },
  {
    file: "mount.ts",
    doc:
      "The constants of mount(2), umount(2), the mount API of Linux 5.2 and later, and statfs(2).",
    groups: [
      {
        headers: ["linux/types.h", "linux/mount.h"],
        take: /^MS_/,
        except: /^MS_(VERBOSE|MGC|RMT|KERNMOUNT|SUBMOUNT|NOREMOTELOCK|NOSEC|BORN|ACTIVE|NOUSER)/,
        page: "mount(2)",
      },
      {
        headers: ["sys/mount.h"],
        take: /^(MNT_(FORCE|DETACH|EXPIRE)|UMOUNT_NOFOLLOW)$/,
        page: "umount(2)",
      },
      {
        headers: ["sys/statvfs.h"],
        take: /^ST_/,
        except: /^ST_(WRITE|APPEND|IMMUTABLE)$/,
        page: "statfs(2)",
        add: [["ST_NOSYMFOLLOW", 0x2000, "5.10"]],
      },
      {
        headers: ["linux/types.h", "linux/fcntl.h", "linux/mount.h"],
        take: /^(MOUNT_ATTR_|OPEN_TREE_|MOVE_MOUNT_|FSOPEN_|FSMOUNT_|FSPICK_)/,
        except: /^MOVE_MOUNT__MASK$/,
        page: "mount_setattr(2), open_tree(2), move_mount(2), fsopen(2)",
        add: [["MOVE_MOUNT_BENEATH", 0x200, "6.5"]],
      },
      {
        headers: ["linux/types.h", "linux/mount.h"],
        take: /^FSCONFIG_/,
        base: "decimal",
        page: "fsconfig(2)",
        add: [["FSCONFIG_CMD_CREATE_EXCL", 8, "6.6"]],
      },
      {
        headers: ["linux/magic.h"],
        take:
          /^((PROC|CGROUP|CGROUP2|OVERLAYFS|DEVPTS|EXT4|XFS|BTRFS|FUSE|NFS)_SUPER|TMPFS|RAMFS|SYSFS|NSFS|HUGETLBFS|SECURITYFS|BPF_FS|DEBUGFS|TRACEFS)_MAGIC$/,
        page: "statfs(2)",
        add: [["PID_FS_MAGIC", 0x50494446, "6.9"], [
          "MQUEUE_MAGIC",
          0x19800202,
          "2.6, in no header",
        ]],
      },
    ],
  },
  {
    file: "fcntl.ts",
    doc: `The constants of open(2), openat2(2), the *at() family, fcntl(2) and stat(2).

O_DIRECT, O_DIRECTORY, O_NOFOLLOW and O_LARGEFILE have other values on aarch64 than on x86_64.`,
    groups: [
      {
        headers: ["linux/fcntl.h"],
        take: /^O_/,
        except: /^O_NDELAY$/,
        page: "open(2)",
      },
      {
        headers: ["linux/fcntl.h"],
        take: /^AT_/,
        page: "openat(2), statx(2), linkat(2)",
        add: [["AT_EXECVE_CHECK", 0x10000, "6.14"]],
      },
      { headers: ["linux/types.h", "linux/openat2.h"], take: /^RESOLVE_/, page: "openat2(2)" },
      {
        headers: ["linux/fcntl.h"],
        take: /^(F_(DUPFD|GET|SET|ADD_SEALS|RDLCK|WRLCK|UNLCK|OFD)|FD_CLOEXEC)/,
        except: /^F_(GETLK64|SETLK64|SETLKW64|GET_RW_HINT|SET_RW_HINT|GET_FILE|SET_FILE)/,
        base: "decimal",
        page: "fcntl(2)",
        add: [["F_DUPFD_QUERY", 1027, "6.10"]],
      },
      {
        headers: ["linux/fcntl.h"],
        take: /^F_SEAL_/,
        page: "fcntl(2), memfd_create(2)",
        add: [["F_SEAL_EXEC", 0x20, "6.3"]],
      },
      {
        headers: ["linux/stat.h"],
        take: /^S_I/,
        base: "octal",
        page: "inode(7)",
      },
      {
        headers: ["linux/types.h", "linux/stat.h"],
        take: /^STATX_(BASIC_STATS|BTIME|MNT_ID|TYPE|MODE|UID|GID|SIZE|INO|NLINK)$/,
        page: "statx(2)",
      },
      { headers: ["linux/close_range.h"], take: /^CLOSE_RANGE_/, page: "close_range(2)" },
      { headers: ["linux/fcntl.h"], take: /^LOCK_(SH|EX|NB|UN)$/, page: "flock(2)" },
      { headers: ["linux/fs.h"], take: /^RENAME_/, page: "rename(2)" },
      {
        headers: ["linux/fs.h"],
        take: /^SEEK_(SET|CUR|END|DATA|HOLE)$/,
        base: "decimal",
        page: "lseek(2)",
      },
      { headers: ["linux/xattr.h"], take: /^XATTR_(CREATE|REPLACE)$/, page: "setxattr(2)" },
    ],
  },
  {
    file: "prctl.ts",
    doc: "The operations of prctl(2) and their arguments.",
    groups: [{
      headers: ["linux/types.h", "linux/prctl.h"],
      take: /^PR_/,
      except:
        /^PR_(MTE|TAGGED|FP_|FPEMU|PAC|SVE|SME|UNALIGN|ENDIAN|TSC|MCE|SET_FP|GET_FP|SET_UNALIGN|GET_UNALIGN|SET_ENDIAN|GET_ENDIAN|SET_TAGGED|GET_TAGGED|MPX|SCHED_CORE)/,
      page: "prctl(2)",
      add: [
        ["PR_SET_MDWE", 65, "6.3"],
        ["PR_MDWE_REFUSE_EXEC_GAIN", 1, "6.3"],
        ["PR_GET_MDWE", 66, "6.3"],
        ["PR_SET_MEMORY_MERGE", 67, "6.4"],
        ["PR_GET_MEMORY_MERGE", 68, "6.4"],
      ],
      base: "decimal",
    }],
  },
  {
    file: "landlock.ts",
    doc: "The rights, scopes and rule types of Landlock.",
    groups: [
      {
        headers: ["linux/types.h", "linux/landlock.h"],
        take: /^LANDLOCK_(ACCESS|SCOPE|RULE|CREATE_RULESET)_/,
        page: "landlock(7)",
        add: [
          // Members of an enumeration, which the preprocessor does not see.
          ["LANDLOCK_RULE_PATH_BENEATH", 1, "5.13"],
          ["LANDLOCK_RULE_NET_PORT", 2, "6.7"],
          ["LANDLOCK_ACCESS_FS_TRUNCATE", 0x4000, "6.2"],
          ["LANDLOCK_ACCESS_FS_IOCTL_DEV", 0x8000, "6.10"],
          ["LANDLOCK_ACCESS_NET_BIND_TCP", 1, "6.7"],
          ["LANDLOCK_ACCESS_NET_CONNECT_TCP", 2, "6.7"],
          ["LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET", 1, "6.12"],
          ["LANDLOCK_SCOPE_SIGNAL", 2, "6.12"],
        ],
      },
    ],
  },
  {
    file: "capability.ts",
    doc: "The capabilities of capabilities(7), and the version of capget(2)'s structures.",
    groups: [
      {
        headers: ["linux/types.h", "linux/capability.h"],
        take: /^CAP_/,
        except: /^CAP_LAST_CAP$|^CAP_TO_/,
        base: "decimal",
        page: "capabilities(7)",
        object: {
          name: "CAPABILITIES",
          doc: "Every capability and its number, by the kernel's names; see capabilities(7).",
        },
      },
      {
        headers: ["linux/types.h", "linux/capability.h"],
        take: /^(_LINUX_CAPABILITY_VERSION_3|VFS_CAP_REVISION_[23])$/,
        page: "capget(2)",
      },
    ],
    tail: `
/** The name of a capability, such as \`"CAP_SYS_ADMIN"\`. */
export type CapabilityName = keyof typeof CAPABILITIES;
`,
  },
  {
    file: "signal.ts",
    doc: "The signals of signal(7), and the constants of sigprocmask(2) and signalfd(2).",
    groups: [
      {
        headers: ["linux/types.h", "linux/signal.h"],
        take: /^SIG[A-Z0-9]+$/,
        except: /^SIG(EV|RTMIN|RTMAX|STKSZ|IOT|POLL|LOST|CLD|UNUSED|SET)/,
        base: "decimal",
        page: "signal(7)",
        object: {
          name: "SIGNALS",
          doc: "The standard signals and their numbers, by the kernel's names; see signal(7).",
        },
      },
      {
        headers: ["linux/types.h", "linux/signal.h"],
        take: /^SIG_(BLOCK|UNBLOCK|SETMASK)$/,
        base: "decimal",
        page: "rt_sigprocmask(2)",
      },
      {
        headers: ["linux/types.h", "linux/signalfd.h", "linux/fcntl.h"],
        take: /^SFD_/,
        page: "signalfd(2)",
      },
    ],
    tail: `
/** The name of a standard signal, such as \`"SIGTERM"\`. */
export type SignalName = keyof typeof SIGNALS;

/** A signal's name: \`"SIGKILL"\` for 9, \`"SIGRTMIN+3"\` for 37, \`"signal 99"\` for an unknown number. */
export function signalName(number: number): string {
  for (const [name, known] of Object.entries(SIGNALS)) if (known === number) return name;
  // The kernel's real-time signals start at 32, but glibc keeps 32 and 33 for its threads.
  return number >= 34 && number <= 64 ? \`SIGRTMIN+\${number - 34}\` : \`signal \${number}\`;
}
`,
  },
  {
    file: "wait.ts",
    doc: "The constants of wait4(2), waitid(2) and pidfd_open(2).",
    groups: [
      { headers: ["linux/wait.h"], take: /^(W[A-Z]+|__W[A-Z]+)$/, page: "wait4(2), waitid(2)" },
      { headers: ["linux/wait.h"], take: /^P_/, base: "decimal", page: "waitid(2)" },
      {
        headers: ["signal.h"],
        take: /^CLD_/,
        base: "decimal",
        page: "waitid(2)",
      },
      {
        headers: ["linux/types.h", "linux/pidfd.h", "linux/fcntl.h"],
        take: /^PIDFD_/,
        page: "pidfd_open(2)",
        add: [["PIDFD_THREAD", 0x80, "6.9; O_EXCL"]],
      },
    ],
  },
  {
    file: "resource.ts",
    doc: "The resource limits of prlimit(2).",
    groups: [
      {
        headers: ["linux/types.h", "linux/resource.h"],
        take: /^RLIMIT_/,
        base: "decimal",
        page: "prlimit(2)",
        object: {
          name: "RLIMITS",
          doc: "Every resource limit and its number, by the kernel's names; see prlimit(2).",
        },
      },
      {
        headers: ["linux/types.h", "linux/resource.h"],
        take: /^RLIM_INFINITY$/,
        base: "bigint",
        page: "prlimit(2)",
      },
      {
        headers: ["linux/types.h", "linux/resource.h"],
        take: /^(RUSAGE_(SELF|CHILDREN|THREAD))$/,
        base: "decimal",
        page: "getrusage(2)",
      },
    ],
    tail: `
/** The name of a resource limit, such as \`"RLIMIT_NOFILE"\`. */
export type RlimitName = keyof typeof RLIMITS;
`,
  },
  {
    file: "scheduling.ts",
    doc: "Scheduling: sched(7), ioprio_set(2), setpriority(2), personality(2).",
    groups: [
      {
        headers: ["linux/types.h", "linux/sched.h"],
        take: /^SCHED_(NORMAL|FIFO|RR|BATCH|IDLE|RESET_ON_FORK)$/,
        base: "decimal",
        page: "sched(7)",
      },
      {
        headers: ["linux/types.h", "linux/ioprio.h"],
        take: /^IOPRIO_(CLASS_(SHIFT|NONE|RT|BE|IDLE)|WHO_PROCESS)$/,
        base: "decimal",
        page: "ioprio_set(2)",
      },
      {
        headers: ["sys/resource.h"],
        take: /^PRIO_(PROCESS|PGRP|USER)$/,
        base: "decimal",
        page: "setpriority(2)",
      },
      {
        headers: ["linux/personality.h"],
        take:
          /^(PER_LINUX|PER_LINUX32|UNAME26|ADDR_NO_RANDOMIZE|ADDR_COMPAT_LAYOUT|READ_IMPLIES_EXEC|ADDR_LIMIT_32BIT|SHORT_INODE|WHOLE_SECONDS|STICKY_TIMEOUTS|ADDR_LIMIT_3GB|MMAP_PAGE_ZERO|FDPIC_FUNCPTRS)$/,
        page: "personality(2)",
      },
    ],
  },
  {
    file: "socket.ts",
    doc: "The constants of socket(2), sendmsg(2), unix(7) and netdevice(7).",
    groups: [
      {
        headers: ["sys/socket.h"],
        take:
          /^AF_(UNSPEC|UNIX|INET|INET6|NETLINK|PACKET|VSOCK|ALG|XDP|QIPCRTR|BLUETOOTH|CAN|KEY|TIPC)$/,
        base: "decimal",
        page: "socket(2)",
      },
      { headers: ["sys/socket.h"], take: /^SOCK_[A-Z]+$/, page: "socket(2)" },
      { headers: ["sys/socket.h"], take: /^SOL_SOCKET$/, base: "decimal", page: "socket(7)" },
      {
        headers: ["asm/socket.h"],
        take:
          /^SO_(REUSEADDR|REUSEPORT|TYPE|ERROR|BROADCAST|SNDBUF|RCVBUF|SNDBUFFORCE|RCVBUFFORCE|KEEPALIVE|LINGER|PASSCRED|PEERCRED|PEERGROUPS|PEERSEC|RCVLOWAT|BINDTODEVICE|BINDTOIFINDEX|ATTACH_FILTER|LOCK_FILTER|ACCEPTCONN|MARK|PROTOCOL|DOMAIN|COOKIE|NETNS_COOKIE)$/,
        base: "decimal",
        page: "socket(7)",
        add: [["SO_PASSPIDFD", 76, "6.5"], ["SO_PEERPIDFD", 77, "6.5"]],
      },
      {
        headers: ["sys/socket.h"],
        take: /^SCM_(RIGHTS|CREDENTIALS)$/,
        base: "decimal",
        page: "unix(7)",
        add: [["SCM_PIDFD", 4, "6.5"]],
      },
      { headers: ["sys/socket.h"], take: /^MSG_/, page: "sendmsg(2), recvmsg(2)" },
      { headers: ["sys/socket.h"], take: /^SHUT_/, base: "decimal", page: "shutdown(2)" },
      {
        headers: ["linux/sockios.h"],
        take: /^SIOC[GS]IF(FLAGS|ADDR|NETMASK|MTU|HWADDR|INDEX)$|^SIOCGIFNAME$|^SIOCGSKNS$/,
        page: "netdevice(7)",
      },
      {
        headers: ["linux/if.h"],
        take: /^IFF_(UP|BROADCAST|LOOPBACK|POINTOPOINT|RUNNING|PROMISC|MULTICAST|NOARP)$/,
        page: "netdevice(7)",
      },
    ],
  },
  {
    file: "memory.ts",
    doc: "The constants of mmap(2), mprotect(2), madvise(2) and memfd_create(2).",
    groups: [
      {
        headers: ["linux/mman.h"],
        take: /^(PROT_(NONE|READ|WRITE|EXEC)|MAP_)/,
        except: /^MAP_(HUGE|32BIT|UNINITIALIZED|ABOVE4G)/,
        page: "mmap(2)",
      },
      {
        headers: ["linux/mman.h"],
        take: /^MADV_(DONTNEED|REMOVE|DONTFORK|DOFORK|WIPEONFORK|KEEPONFORK|DONTDUMP)$/,
        base: "decimal",
        page: "madvise(2)",
      },
      {
        headers: ["linux/memfd.h"],
        take: /^MFD_(CLOEXEC|ALLOW_SEALING|HUGETLB)$/,
        page: "memfd_create(2)",
        add: [["MFD_NOEXEC_SEAL", 0x8, "6.3"], ["MFD_EXEC", 0x10, "6.3"]],
      },
    ],
  },
  {
    file: "poll.ts",
    doc: "The constants of poll(2), epoll(7) and eventfd(2).",
    groups: [
      {
        headers: ["linux/types.h", "linux/poll.h"],
        take: /^POLL(IN|PRI|OUT|ERR|HUP|NVAL|RDHUP)$/,
        page: "poll(2)",
      },
      {
        headers: ["linux/types.h", "linux/fcntl.h", "linux/eventpoll.h"],
        take: /^EPOLL/,
        except: /^EPOLL_PACKED$/,
        page: "epoll_ctl(2)",
      },
      { headers: ["sys/eventfd.h"], take: /^EFD_/, page: "eventfd(2)" },
    ],
  },
  {
    file: "seccomp.ts",
    doc: "The constants of seccomp(2), its notifications, and the classic BPF that filters are in.",
    groups: [
      {
        headers: ["linux/types.h", "linux/ioctl.h", "linux/seccomp.h"],
        take:
          /^SECCOMP_(SET_MODE_FILTER|FILTER_FLAG_|RET_|USER_NOTIF_FLAG_|ADDFD_FLAG_|IOCTL_NOTIF_)/,
        except: /^SECCOMP_RET_(ACTION|KILL$)|^SECCOMP_IOCTL_NOTIF_SET_FLAGS/,
        page: "seccomp(2), seccomp_unotify(2)",
      },
      {
        headers: ["linux/audit.h"],
        take: /^AUDIT_ARCH_(X86_64|I386|AARCH64)$/,
        page: "seccomp(2)",
      },
      {
        headers: ["linux/filter.h"],
        take:
          /^BPF_(LD|ALU|JMP|RET|W|ABS|ADD|SUB|MUL|DIV|OR|AND|LSH|RSH|NEG|XOR|JA|JEQ|JGT|JGE|JSET|K|X|A|LDX|ST|STX|MISC|IMM|MEM|LEN|TAX|TXA|MAXINSNS|MEMWORDS)$/,
        page: "the kernel's Documentation/networking/filter.rst",
      },
    ],
  },
  {
    file: "ioctl.ts",
    doc: "The requests of ioctl(2) for terminals, pipes and namespaces, and termios(3)'s bits.",
    groups: [
      {
        headers: ["linux/types.h", "asm/termbits.h", "asm/ioctls.h", "asm/termios.h"],
        take:
          /^(TIOC(SCTTY|NOTTY|GWINSZ|SWINSZ|GPTN|SPTLCK|GPTLCK|GPTPEER|GPGRP|SPGRP|GSID|STI|LINUX|EXCL|NXCL|OUTQ|CONS|SETD)|TC(GETS|SETS|SETSW|SETSF|GETS2|SETS2|SETSW2|SETSF2|FLSH|SBRK|XONC)|FIONREAD|FIONBIO|FIOCLEX|FIONCLEX)$/,
        page: "ioctl_tty(2)",
      },
      {
        headers: ["linux/types.h", "asm/termbits.h"],
        take:
          /^(IGNBRK|BRKINT|IGNPAR|PARMRK|INPCK|ISTRIP|INLCR|IGNCR|ICRNL|IXON|IXOFF|IXANY|IUTF8|OPOST|ONLCR|CSIZE|CS8|PARENB|ISIG|ICANON|ECHO|ECHOE|ECHOK|ECHONL|NOFLSH|TOSTOP|IEXTEN|ECHOCTL|ECHOKE)$/,
        page: "termios(3)",
      },
      {
        headers: ["linux/types.h", "asm/termbits.h"],
        take: /^(VINTR|VQUIT|VERASE|VKILL|VEOF|VTIME|VMIN|VSTART|VSTOP|VSUSP)$/,
        base: "decimal",
        page: "termios(3)",
      },
      {
        headers: ["linux/types.h", "linux/nsfs.h"],
        take: /^NS_GET_/,
        page: "ioctl_ns(2)",
        add: [["NS_GET_MNTNS_ID", 0x8008b705, "6.11"], [
          "NS_GET_PID_FROM_PIDNS",
          0x8004b706,
          "6.11",
        ]],
      },
    ],
  },
  {
    file: "netlink.ts",
    doc: "The constants of netlink(7): headers, flags, acknowledgements, protocols.",
    groups: [
      {
        headers: ["linux/netlink.h"],
        take: /^NETLINK_(ROUTE|NETFILTER|SOCK_DIAG|GENERIC|KOBJECT_UEVENT)$/,
        base: "decimal",
        page: "netlink(7)",
      },
      {
        headers: ["linux/netlink.h"],
        take:
          /^NETLINK_(ADD_MEMBERSHIP|DROP_MEMBERSHIP|CAP_ACK|EXT_ACK|GET_STRICT_CHK|NO_ENOBUFS)$/,
        base: "decimal",
        page: "netlink(7)",
      },
      { headers: ["sys/socket.h"], take: /^SOL_NETLINK$/, base: "decimal", page: "netlink(7)" },
      {
        headers: ["linux/netlink.h"],
        take: /^(NLM_F_[A-Z_]+|NLA_F_[A-Z_]+|NLA_TYPE_MASK)$/,
        page: "netlink(7)",
      },
      {
        headers: ["linux/netlink.h"],
        take: /^(NLMSG_(NOOP|ERROR|DONE|OVERRUN|MIN_TYPE)|NLMSGERR_ATTR_(MSG|OFFS|COOKIE|POLICY))$/,
        base: "decimal",
        page: "netlink(7)",
        add: [["NLMSGERR_ATTR_MISS_TYPE", 5, "6.1"], ["NLMSGERR_ATTR_MISS_NEST", 6, "6.1"]],
      },
    ],
  },
  {
    file: "rtnetlink.ts",
    doc:
      "The constants of rtnetlink(7): links, addresses, routes, neighbours, rules, traffic control.",
    groups: [
      {
        headers: ["linux/rtnetlink.h"],
        take: /^RTM_(NEW|DEL|GET|SET)(LINK|ADDR|ROUTE|NEIGH|RULE|QDISC|TFILTER)$/,
        base: "decimal",
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/rtnetlink.h"],
        take:
          /^(RTN_(UNSPEC|UNICAST|LOCAL|BROADCAST|ANYCAST|MULTICAST|BLACKHOLE|UNREACHABLE|PROHIBIT|THROW)|RTPROT_(UNSPEC|KERNEL|BOOT|STATIC)|RT_SCOPE_(UNIVERSE|SITE|LINK|HOST|NOWHERE)|RT_TABLE_(UNSPEC|DEFAULT|MAIN|LOCAL)|RTA_(DST|SRC|IIF|OIF|GATEWAY|PRIORITY|PREFSRC|METRICS|TABLE|VIA|PREF|EXPIRES)|RTAX_MTU|RTNH_F_ONLINK|RTEXT_FILTER_(VF|SKIP_STATS))$/,
        base: "decimal",
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/rtnetlink.h"],
        take: /^TCA_(KIND|OPTIONS)$/,
        base: "decimal",
        page: "tc(8)",
      },
      {
        headers: ["linux/if_link.h"],
        take:
          /^(IFLA_(ADDRESS|BROADCAST|IFNAME|MTU|LINK|QDISC|MASTER|PROTINFO|TXQLEN|OPERSTATE|LINKMODE|LINKINFO|NET_NS_PID|NET_NS_FD|LINK_NETNSID|IFALIAS|AF_SPEC|GROUP|EXT_MASK|NUM_TX_QUEUES|NUM_RX_QUEUES|INFO_KIND|INFO_DATA|INFO_SLAVE_KIND|INFO_SLAVE_DATA|INET6_ADDR_GEN_MODE|BR_FORWARD_DELAY|BR_HELLO_TIME|BR_AGEING_TIME|BR_STP_STATE|BR_VLAN_FILTERING|BR_MCAST_SNOOPING|BRPORT_(STATE|MODE|GUARD|LEARNING|UNICAST_FLOOD|ISOLATED|NEIGH_SUPPRESS)|MACVLAN_MODE|MACVLAN_FLAGS|IPVLAN_MODE|IPVLAN_FLAGS|VXLAN_(ID|GROUP|LINK|LOCAL|TTL|LEARNING|AGEING|PORT|GROUP6|LOCAL6|UDP_CSUM)|TUN_[A-Z]+)|MACVLAN_MODE_[A-Z]+|IPVLAN_MODE_[A-Z0-9]+|IN6_ADDR_GEN_MODE_[A-Z0-9]+)$/,
        except: /^IFLA_TUN_(UNSPEC|MAX)$/,
        base: "decimal",
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/veth.h"],
        take: /^VETH_INFO_PEER$/,
        base: "decimal",
        page: "veth(4)",
      },
      {
        headers: ["linux/if_addr.h"],
        take:
          /^(IFA_(ADDRESS|LOCAL|LABEL|BROADCAST|CACHEINFO|FLAGS|RT_PRIORITY)|IFA_F_(SECONDARY|NODAD|OPTIMISTIC|HOMEADDRESS|DEPRECATED|TENTATIVE|PERMANENT|NOPREFIXROUTE))$/,
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/neighbour.h"],
        take:
          /^(NDA_(DST|LLADDR|VLAN|PORT|VNI|IFINDEX)|NUD_[A-Z]+|NTF_(SELF|MASTER|PROXY|ROUTER|EXT_LEARNED))$/,
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/fib_rules.h"],
        take:
          /^(FRA_(DST|SRC|IIFNAME|OIFNAME|PRIORITY|FWMARK|FWMASK|TABLE|SUPPRESS_PREFIXLEN|PROTOCOL)|FR_ACT_(TO_TBL|BLACKHOLE|UNREACHABLE|PROHIBIT)|FIB_RULE_INVERT)$/,
        base: "decimal",
        page: "rtnetlink(7)",
      },
      {
        headers: ["linux/types.h", "linux/pkt_sched.h"],
        take: /^(TC_H_(ROOT|INGRESS|CLSACT)|TCA_TBF_(PARMS|RTAB|RATE64|BURST|PBURST))$/,
        page: "tc-tbf(8)",
      },
      {
        headers: ["linux/types.h", "linux/pkt_cls.h"],
        take: /^(TCA_U32_(SEL|ACT)|TC_U32_TERMINAL|TCA_ACT_(KIND|OPTIONS))$/,
        base: "decimal",
        page: "tc-u32(8)",
      },
      {
        headers: ["linux/types.h", "linux/pkt_cls.h", "linux/tc_act/tc_mirred.h"],
        take: /^(TCA_MIRRED_PARMS|TCA_EGRESS_REDIR|TC_ACT_STOLEN)$/,
        base: "decimal",
        page: "tc-mirred(8)",
      },
      {
        headers: ["linux/types.h", "linux/ioctl.h", "linux/if_tun.h"],
        take: /^(TUNSETIFF|TUNSETPERSIST|IFF_(TUN|TAP|NO_PI|VNET_HDR|MULTI_QUEUE))$/,
        page: "the kernel's networking/tuntap",
      },
    ],
  },
  {
    file: "nf_tables.ts",
    doc: "The constants of nfnetlink and nf_tables, in which nft(8) speaks with the kernel.",
    groups: [
      {
        headers: ["linux/types.h", "linux/netlink.h", "linux/netfilter/nfnetlink.h"],
        take: /^(NFNL_SUBSYS_NFTABLES|NFNL_MSG_BATCH_(BEGIN|END)|NFNETLINK_V0)$/,
        base: "decimal",
        page: "nft(8)",
      },
      {
        headers: ["linux/types.h", "linux/in.h", "linux/in6.h", "linux/netfilter.h"],
        take: /^(NFPROTO_(INET|IPV4|IPV6)|NF_INET_PRE_ROUTING|NF_(DROP|ACCEPT))$/,
        base: "decimal",
        page: "nft(8)",
      },
      {
        headers: ["linux/types.h", "linux/netfilter/nf_tables.h"],
        take:
          /^(NFT_MSG_NEW(TABLE|CHAIN|RULE)|NFTA_(TABLE_NAME|TABLE_FLAGS|CHAIN_TABLE|CHAIN_NAME|CHAIN_HOOK|CHAIN_POLICY|CHAIN_TYPE|HOOK_HOOKNUM|HOOK_PRIORITY|RULE_TABLE|RULE_CHAIN|RULE_EXPRESSIONS|LIST_ELEM|EXPR_NAME|EXPR_DATA|META_DREG|META_KEY|CMP_SREG|CMP_OP|CMP_DATA|DATA_VALUE|DATA_VERDICT|VERDICT_CODE|PAYLOAD_DREG|PAYLOAD_BASE|PAYLOAD_OFFSET|PAYLOAD_LEN|IMMEDIATE_DREG|IMMEDIATE_DATA|TPROXY_FAMILY|TPROXY_REG_ADDR|TPROXY_REG_PORT)|NFT_REG_(VERDICT|1|2)|NFT_META_(NFPROTO|L4PROTO|IIF)|NFT_CMP_(EQ|NEQ)|NFT_PAYLOAD_NETWORK_HEADER)$/,
        base: "decimal",
        page: "nft(8)",
      },
    ],
  },
  {
    file: "inet.ts",
    doc: "The constants of ip(7), ipv6(7) and tcp(7).",
    groups: [
      {
        headers: ["linux/in.h"],
        take: /^(IPPROTO_(IP|ICMP|TCP|UDP|IPV6)|IP_(TRANSPARENT|FREEBIND))$/,
        base: "decimal",
        page: "ip(7)",
      },
      {
        headers: ["linux/in6.h"],
        take: /^IPV6_(TRANSPARENT|V6ONLY|FREEBIND)$/,
        base: "decimal",
        page: "ipv6(7)",
      },
      {
        headers: ["linux/tcp.h"],
        take: /^TCP_(NODELAY|KEEPIDLE|KEEPINTVL|KEEPCNT|USER_TIMEOUT)$/,
        base: "decimal",
        page: "tcp(7)",
      },
    ],
  },
];
