// The network, and what is reached by sockets past it.

import { type Attempt, type Call, filtered } from "../attack.ts";
import * as abi from "../../../lib/sys/abi/socket.ts";

const RAW = "no CAP_NET_RAW; seccomp";
const NETNS = "a network namespace with nothing but lo";
const FILTER = "seccomp";

const socket = (family: number, type: number, protocol = 0): Call => ({
  call: "socket",
  args: [family, type, protocol],
  store: "socket",
});
const inet = (port: number, ...address: number[]) =>
  new Uint8Array([abi.AF_INET, 0, port >> 8, port & 0xff, ...address, 0, 0, 0, 0, 0, 0, 0, 0]);
const connect = (address: Uint8Array): Call => ({
  call: "connect",
  args: [{ load32: "socket" }, address, address.length],
});
const only = (
  name: string,
  family: number,
  type: number,
  protocol: number,
  unfiltered: string,
): Attempt => ({
  name,
  guard: FILTER,
  calls: [socket(family, type, protocol)],
  expect: filtered("socket EAFNOSUPPORT", unfiltered),
});

/** The attempts. */
export const SOCKETS: readonly Attempt[] = [
  {
    name: "reach the world",
    guard: NETNS,
    calls: [socket(abi.AF_INET, abi.SOCK_STREAM), connect(inet(80, 1, 1, 1, 1))],
    expect: "connect ENETUNREACH",
  },
  {
    name: "reach the metadata service of a cloud",
    guard: NETNS,
    calls: [socket(abi.AF_INET, abi.SOCK_STREAM), connect(inet(80, 169, 254, 169, 254))],
    expect: "connect ENETUNREACH",
  },
  {
    name: "ask a name server",
    guard: NETNS,
    calls: [socket(abi.AF_INET, abi.SOCK_DGRAM), connect(inet(53, 8, 8, 8, 8))],
    expect: "connect ENETUNREACH",
  },
  {
    name: "reach a service on the host's loopback",
    guard: NETNS,
    calls: [socket(abi.AF_INET, abi.SOCK_STREAM), connect(inet(22, 127, 0, 0, 1))],
    expect: "connect ECONNREFUSED",
  },
  {
    name: "open a raw socket",
    guard: RAW,
    calls: [socket(abi.AF_INET, abi.SOCK_RAW, 255)],
    expect: "socket EPERM",
  },
  {
    name: "open a packet socket",
    guard: RAW,
    calls: [socket(abi.AF_PACKET, abi.SOCK_RAW, 0x300)],
    expect: filtered("socket EAFNOSUPPORT", "socket EPERM"),
  },
  {
    name: "turn a network device on, off, around",
    guard: "no CAP_NET_ADMIN",
    calls: [
      socket(abi.AF_INET, abi.SOCK_DGRAM),
      {
        call: "ioctl",
        args: [
          { load32: "socket" },
          abi.SIOCSIFFLAGS,
          new Uint8Array([108, 111, ...Array(38).fill(0)]),
        ],
      },
    ],
    expect: "ioctl EPERM",
  },
  {
    name: "change firewall rules",
    guard: "no CAP_NET_ADMIN; seccomp",
    calls: [
      socket(abi.AF_NETLINK, abi.SOCK_RAW, 12),
      // NFNL_MSG_BATCH_BEGIN for nf_tables.
      {
        call: "sendto",
        args: [
          { load32: "socket" },
          new Uint8Array([20, 0, 0, 0, 16, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]),
          20,
          0,
          0,
          0,
        ],
      },
      { call: "recvfrom", args: [{ load32: "socket" }, { at: "buffer" }, 64, 0, 0, 0] },
      // An error's errno is the word behind its header.
      {
        call: "SET",
        args: [{ load32: { name: "buffer", offset: 16 } }],
        store: "errno",
        when: { equals: 0xffff_ffff },
        goto: "refused here",
      },
      { call: "SET", args: [0], goto: "end" },
      { call: "SET", args: [-1], label: "refused here" },
      { call: "SET", args: [0], label: "end" },
    ],
    expect: filtered("socket EPROTONOSUPPORT", "SET EPERM"),
  },
  {
    name: "listen to the audit subsystem",
    guard: "no CAP_AUDIT_READ; seccomp",
    calls: [
      socket(abi.AF_NETLINK, abi.SOCK_RAW, 9),
      {
        call: "bind",
        args: [{ load32: "socket" }, new Uint8Array([16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]), 12],
      },
    ],
    expect: filtered("socket EPROTONOSUPPORT", "bind EPERM"),
  },
  // A network namespace is no wall for these; without the filter they are there or not.
  only("talk to the hypervisor by AF_VSOCK", abi.AF_VSOCK, abi.SOCK_STREAM, 0, ""),
  only("use the kernel's cryptography by AF_ALG", abi.AF_ALG, abi.SOCK_SEQPACKET, 0, ""),
  only("open a CAN socket", abi.AF_CAN, abi.SOCK_RAW, 1, ""),
  only("open a TIPC socket (CVE-2021-43267)", abi.AF_TIPC, abi.SOCK_DGRAM, 0, ""),
  only("open an IPsec key socket", abi.AF_KEY, abi.SOCK_RAW, 2, ""),
  only("open a Bluetooth socket", abi.AF_BLUETOOTH, abi.SOCK_RAW, 1, ""),
  {
    name: "have the kernel load the SCTP module",
    guard: FILTER,
    calls: [socket(abi.AF_INET, abi.SOCK_STREAM, 132)],
    expect: filtered("socket EPROTONOSUPPORT", ""),
  },
  {
    name: "type into the terminal (CVE-2017-5226)",
    guard: "a session and a terminal of its own; seccomp",
    box: (box) => box.tty(),
    calls: [{ call: "ioctl", args: [0, 0x5412, "x"] }],
    expect: filtered("ioctl EPERM", ""),
  },
  {
    name: "type into the terminal, with bits that only the filter sees (CVE-2019-10063)",
    guard: "a session and a terminal of its own; seccomp, by a masked compare",
    box: (box) => box.tty(),
    calls: [{ call: "ioctl", args: [0, 0x1_0000_5412, "x"] }],
    expect: filtered("ioctl EPERM", ""),
  },
  {
    name: "paste into the console (CVE-2023-28100)",
    guard: "a session and a terminal of its own; seccomp",
    box: (box) => box.tty(),
    calls: [{ call: "ioctl", args: [0, 0x541c, new Uint8Array([2, 0])] }],
    expect: filtered("ioctl EPERM", ""),
  },
  {
    name: "take over the console's output",
    guard: "no CAP_SYS_ADMIN; seccomp",
    box: (box) => box.tty(),
    calls: [{ call: "ioctl", args: [0, 0x541d] }],
    expect: "ioctl EPERM",
  },
];
