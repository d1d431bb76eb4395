/**
 * Resource limits: prlimit(2).
 *
 * @module
 */

import { RLIM_INFINITY, type RlimitName, RLIMITS } from "./abi/resource.ts";
import { ERRNO } from "./abi/errno.ts";
import { check, syscall } from "./libc.ts";

/** A resource limit; `RLIM_INFINITY` is none. The unit is the resource's: bytes, seconds, a count. */
export interface Rlimit {
  /** The limit in force, which its owner may raise up to `hard`. */
  soft: bigint;
  /** The highest that `soft` can be. */
  hard: bigint;
}

/**
 * A process's limit.
 *
 * Errors: ESRCH, EPERM (another user's process). Permissions: `--allow-ffi`. Source: prlimit(2).
 *
 * @param pid The process; this one when 0.
 *
 * @example
 * ```ts
 * import { getRlimit } from "@paddock/paddock/sys";
 *
 * console.log(getRlimit("RLIMIT_NOFILE").soft);
 * ```
 */
export function getRlimit(name: RlimitName, pid = 0): Rlimit {
  const old = new BigUint64Array(2);
  check(syscall("prlimit64", pid, RLIMITS[name], null, old), "prlimit64", { path: name });
  return { soft: old[0]!, hard: old[1]! };
}

/**
 * Sets a process's limit and returns the one before.
 *
 * Errors: EPERM (raising `hard` without CAP_SYS_RESOURCE, or another user's process), EINVAL
 * (`soft` over `hard`), ESRCH. Permissions: `--allow-ffi`. Source: prlimit(2).
 *
 * @param pid The process; this one when 0.
 */
export function setRlimit(name: RlimitName, limit: Rlimit, pid = 0): Rlimit {
  const old = new BigUint64Array(2);
  const result = syscall(
    "prlimit64",
    pid,
    RLIMITS[name],
    new BigUint64Array([limit.soft, limit.hard]),
    old,
  );
  const text = (value: bigint) => value === RLIM_INFINITY ? "unlimited" : `${value}`;
  check(result, "prlimit64", {
    path: name,
    get flags() {
      return `soft ${text(limit.soft)}, hard ${text(limit.hard)}`;
    },
    hint: result === -ERRNO.EPERM ? "raising a hard limit needs CAP_SYS_RESOURCE" : undefined,
  });
  return { soft: old[0]!, hard: old[1]! };
}
