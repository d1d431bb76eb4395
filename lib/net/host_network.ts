/**
 * The network that this program itself is in.
 *
 * @module
 */

import { check, cString, syscall } from "../sys/libc.ts";
import type { SyscallName } from "../sys/syscall_numbers.ts";
import { type CallArgument, type NamespaceCalls, Network } from "./network.ts";

async function call(name: SyscallName, ...args: CallArgument[]): Promise<number> {
  const path = args.find((argument) => typeof argument === "string");
  const words = args.map((argument) => typeof argument === "string" ? cString(argument) : argument);
  return await check(syscall(name, ...words), name, { path });
}

const HERE: NamespaceCalls = { syscall: call, descriptor: call };

/**
 * The network that this program is in: the host's, where it was not put into another.
 *
 * Permissions: `--allow-ffi`. Source: rtnetlink(7).
 */
export function hostNetwork(): Network {
  return new Network(HERE);
}
