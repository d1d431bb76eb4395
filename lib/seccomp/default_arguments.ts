/**
 * The system calls that the default profile allows with some arguments and not with others.
 *
 * @module
 */

import type { CapabilityName, FilterableCall, SeccompRule, SeccompTest } from "../spec.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../sys/abi/clone.ts";
import type { ErrnoName } from "../sys/abi/errno.ts";
import { O_CREAT, S_IFBLK, S_IFCHR, S_IFMT, S_ISGID, S_ISUID } from "../sys/abi/fcntl.ts";
import { TIOCCONS, TIOCLINUX, TIOCSETD, TIOCSTI } from "../sys/abi/ioctl.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from "../sys/abi/socket.ts";

/** What the rules depend on. */
export interface DefaultProfileOptions {
  /** The capabilities that the command keeps. */
  readonly capabilities: ReadonlySet<CapabilityName>;
  /** Something of the host's can be written, and the files will be root's. */
  readonly guardSetuid: boolean;
}

type Calls = readonly FilterableCall[];

const allow = (calls: Calls, ...when: SeccompTest[]): SeccompRule => ({
  calls,
  action: "allow",
  when,
});
const deny = (calls: Calls, errno: ErrnoName, ...when: SeccompTest[]): SeccompRule => ({
  calls,
  action: { errno },
  when,
});
// The kernel drops the upper half of all of these.
const equal = (argument: number, value: number): SeccompTest => ({
  argument,
  is: "equal",
  value,
  bits: 32,
});
const other = (argument: number, value: number): SeccompTest => ({
  ...equal(argument, value),
  is: "not-equal",
});
const masked = (argument: number, mask: number, value: number): SeccompTest => ({
  argument,
  is: "masked-equal",
  mask,
  value,
  bits: 32,
});

/** New namespaces: none, or with CAP_SYS_ADMIN all but user namespaces, which have a wall of their own. */
function namespaceRules({ capabilities }: DefaultProfileOptions): SeccompRule[] {
  const all = CLONE_NEWNS + CLONE_NEWCGROUP + CLONE_NEWUTS + CLONE_NEWIPC + CLONE_NEWUSER +
    CLONE_NEWPID + CLONE_NEWNET;
  const may = capabilities.has("CAP_SYS_ADMIN");
  return [
    allow(["clone"], masked(0, may ? CLONE_NEWUSER : all, 0)),
    // For clone that bit is part of a signal's number; unshare takes it as a flag.
    allow(["unshare"], masked(0, may ? CLONE_NEWUSER : all + CLONE_NEWTIME, 0)),
    deny(["clone", "unshare"], "EPERM"),
  ];
}

/**
 * Typing into a terminal (CVE-2017-5226), on the console too (CVE-2023-28100), taking over its
 * output, and line disciplines, which load drivers that are hardly ever used (CVE-2017-2636).
 */
const TERMINAL_RULES: readonly SeccompRule[] = [
  ...[TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD].map((request) =>
    deny(["ioctl"], "EPERM", equal(1, request))
  ),
  allow(["ioctl"]),
];

/** Types and protocols whose modules the kernel would load, and that a sandbox has no use for. */
const SOCK_SEQPACKET = 5, SOCK_DCCP = 6;
const RARE_PROTOCOLS = { dccp: 33, sctp: 132, udplite: 136, smc: 256, mptcp: 262 };
/** rtnetlink(7), sock_diag(7), and the kernel's events of the own network namespace. */
const NETLINK_PROTOCOLS = { route: 0, sockDiag: 4, uevent: 15 };

/**
 * Sockets: Unix, IPv4, IPv6, and netlink for what ordinary programs ask of it. All other families
 * are little tested, and of two a network namespace is no wall at all: AF_VSOCK talks to the
 * hypervisor, AF_ALG to the kernel's cryptography (CVE-2026-31431).
 */
function socketRules({ capabilities }: DefaultProfileOptions): SeccompRule[] {
  const socket: Calls = ["socket"];
  const packets = capabilities.has("CAP_NET_RAW") ? [AF_PACKET] : [];
  return [
    allow(["socket", "socketpair"], equal(0, AF_UNIX)),
    deny(["socketpair"], "EAFNOSUPPORT"),
    deny(
      socket,
      "EAFNOSUPPORT",
      ...[AF_INET, AF_INET6, AF_NETLINK, ...packets].map((family) => other(0, family)),
    ),
    ...packets.map((family) => allow(socket, equal(0, family))),
    ...[SOCK_SEQPACKET, SOCK_DCCP].map((type) =>
      deny(socket, "ESOCKTNOSUPPORT", masked(1, 0xf, type))
    ),
    ...Object.values(RARE_PROTOCOLS).map((protocol) =>
      deny(socket, "EPROTONOSUPPORT", equal(2, protocol))
    ),
    allow(socket, other(0, AF_NETLINK)),
    ...(capabilities.has("CAP_NET_ADMIN")
      ? [allow(socket)]
      : Object.values(NETLINK_PROTOCOLS).map((protocol) => allow(socket, equal(2, protocol)))),
    deny(socket, "EPROTONOSUPPORT"),
  ];
}

/** PER_LINUX, PER_LINUX32, UNAME26, both, no address randomization, and the question. personality(2). */
const PERSONALITIES = [0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xffff_ffff];

/** Execution domains other than Linux's own change what the kernel does in ways nobody tests. */
const PERSONALITY_RULES: readonly SeccompRule[] = [
  ...PERSONALITIES.map((value) => allow(["personality"], equal(0, value))),
  deny(["personality"], "EPERM"),
];

/** `__O_TMPFILE`, which is the same on both architectures. */
const TMPFILE = 0o20_000_000;

/**
 * Files with a set-uid or set-gid bit, where the host would honour it: what root's sandbox writes
 * to a writable bind is root's. openat2 has its mode in memory, so it does not exist.
 */
export function setuidRules(): SeccompRule[] {
  const bits = S_ISUID | S_ISGID;
  const guarded: [calls: Calls, mode: number, flags?: number][] = [
    [["chmod", "fchmod", "creat", "mknod"], 1],
    [["fchmodat", "fchmodat2", "mknodat"], 2],
    [["open"], 2, 1],
    [["openat"], 3, 2],
  ];
  return [
    ...guarded.flatMap(([calls, mode, flags]) => [
      allow(calls, masked(mode, bits, 0)),
      // Without these nobody looks at the mode, and the register holds anything.
      ...(flags === undefined ? [] : [allow(calls, masked(flags, O_CREAT | TMPFILE, 0))]),
      deny(calls, "EPERM"),
    ]),
    deny(["openat2"], "ENOSYS"),
  ];
}

/** Devices: only with CAP_MKNOD, and then only on the host's own filesystems does one mean anything. */
function deviceRules({ capabilities }: DefaultProfileOptions): SeccompRule[] {
  if (capabilities.has("CAP_MKNOD")) return [];
  return ([[["mknod"], 1], [["mknodat"], 2]] as const).flatMap(([calls, mode]) =>
    [S_IFCHR, S_IFBLK].map((type) => deny(calls, "EPERM", masked(mode, S_IFMT, type)))
  );
}

/** The calls that have rules here. */
export const PARTLY_ALLOWED: readonly FilterableCall[] = [
  ...["clone", "unshare", "ioctl", "socket", "socketpair", "personality", "mknod", "mknodat"],
  ...["open", "openat", "openat2", "creat", "chmod", "fchmod", "fchmodat", "fchmodat2"],
] as FilterableCall[];

/** The rules, each call's in their order; what they leave is allowed. */
export function argumentRules(options: DefaultProfileOptions): SeccompRule[] {
  return [
    ...namespaceRules(options),
    ...TERMINAL_RULES,
    ...socketRules(options),
    ...PERSONALITY_RULES,
    ...deviceRules(options),
    ...(options.guardSetuid ? setuidRules() : []),
    allow(PARTLY_ALLOWED),
  ];
}
