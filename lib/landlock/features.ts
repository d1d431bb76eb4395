/**
 * What each version of Landlock brought. landlock(7), "VERSIONS".
 *
 * @module
 */

import * as abi from "../sys/abi/landlock.ts";
import type { LandlockAccess, LandlockRightName } from "../spec/landlock.ts";
import { LANDLOCK_FS_RIGHTS } from "../sys/landlock.ts";

/** Something that Landlock can restrict. */
export interface Feature {
  /** Its name in the kernel. */
  readonly name: string;
  /** Its bit. */
  readonly bit: number;
  /** The first version of Landlock with it, and the Linux that came with. */
  readonly version: number;
  readonly linux: string;
}

const NEWER: Partial<Record<LandlockRightName, [version: number, linux: string]>> = {
  refer: [2, "5.19"],
  truncate: [3, "6.2"],
  ioctl_dev: [5, "6.10"],
};

/** The rights on files. */
export const FS_FEATURES: readonly Feature[] = Object.entries(LANDLOCK_FS_RIGHTS).map(
  ([name, bit]) => {
    const [version, linux] = NEWER[name as LandlockRightName] ?? [1, "5.13"];
    return { name, bit, version, linux };
  },
);

const TCP = { version: 4, linux: "6.7" };

/** The two sides of TCP. */
export const TCP_FEATURES: Readonly<Record<"bind" | "connect", Feature>> = {
  bind: { name: "bind_tcp", bit: abi.LANDLOCK_ACCESS_NET_BIND_TCP, ...TCP },
  connect: { name: "connect_tcp", bit: abi.LANDLOCK_ACCESS_NET_CONNECT_TCP, ...TCP },
};

const SCOPE = { version: 6, linux: "6.12" };

/** What can be kept inside. */
export const SCOPE_FEATURES: Readonly<Record<"abstract_unix_socket" | "signal", Feature>> = {
  abstract_unix_socket: {
    name: "abstract_unix_socket",
    bit: abi.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
    ...SCOPE,
  },
  signal: { name: "signal", bit: abi.LANDLOCK_SCOPE_SIGNAL, ...SCOPE },
};

const R = LANDLOCK_FS_RIGHTS;
const READ = R.read_file | R.read_dir;

/** The kinds of access as sets of rights. Device files are made by none of them. */
export const ACCESS: Readonly<Record<LandlockAccess, number>> = {
  read: READ,
  execute: READ | R.execute,
  write: READ | R.write_file | R.remove_dir | R.remove_file | R.make_dir | R.make_reg |
    R.make_sock | R.make_fifo | R.make_sym | R.refer | R.truncate | R.ioctl_dev,
};

/** The rights that something that is no directory can have. */
export const FILE_RIGHTS = R.execute | R.write_file | R.read_file | R.truncate | R.ioctl_dev;
