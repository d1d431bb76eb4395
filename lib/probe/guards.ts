/**
 * Probes of what keeps a command from doing more than it should.
 *
 * @module
 */

import { FS_FEATURES, SCOPE_FEATURES, TCP_FEATURES } from "../landlock/features.ts";
import { readSetting } from "../run/refusals.ts";
import * as abi from "../sys/abi/seccomp.ts";
import { landlockVersion } from "../sys/landlock.ts";
import { syscall } from "../sys/libc.ts";
import { type Finds, type Probe, works } from "./finding.ts";

const SECCOMP_GET_ACTION_AVAIL = 2, SECCOMP_GET_NOTIF_SIZES = 3;

const ACTIONS = {
  errno: abi.SECCOMP_RET_ERRNO,
  "kill-process": abi.SECCOMP_RET_KILL_PROCESS,
  "kill-thread": abi.SECCOMP_RET_KILL_THREAD,
  log: abi.SECCOMP_RET_LOG,
  trap: abi.SECCOMP_RET_TRAP,
  "user-notif": abi.SECCOMP_RET_USER_NOTIF,
} as const;

function actions(): Finds {
  const missing = Object.entries(ACTIONS).filter(([_, action]) =>
    syscall("seccomp", SECCOMP_GET_ACTION_AVAIL, 0, new Uint32Array([action])) !== 0
  ).map(([name]) => name);
  if (missing.length === 0) return works(Object.keys(ACTIONS).join(" "));
  return {
    status: missing.includes("errno") ? "missing" : "limited",
    detail: `not there: ${missing.join(" ")}`,
    cost: missing.includes("errno")
      ? "no sandbox with its default filter starts"
      : "profiles that use them are refused",
    remedy: "a kernel with CONFIG_SECCOMP_FILTER",
  };
}

function supervision(): Finds {
  const sizes = new Uint16Array(3);
  if (syscall("seccomp", SECCOMP_GET_NOTIF_SIZES, 0, sizes) === 0) {
    return works("calls can be answered by this program");
  }
  return {
    status: "missing",
    detail: "the kernel has no notifications",
    cost: "no observe() and decide(), no --seccomp-log",
    remedy: "Linux 5.9 or newer",
  };
}

function landlock(): Finds {
  const version = landlockVersion();
  const all = [...FS_FEATURES, ...Object.values(TCP_FEATURES), ...Object.values(SCOPE_FEATURES)];
  if (version === 0) {
    const modules = readSetting("/sys/kernel/security/lsm");
    return {
      status: "missing",
      detail: modules === undefined ? "not in use" : `not among the modules in use: ${modules}`,
      cost: "--landlock is refused, unless with --landlock-optional; mounts hold without it",
      remedy: "boot with lsm=landlock,... if the kernel has CONFIG_SECURITY_LANDLOCK",
    };
  }
  const later = all.filter((feature) => feature.version > version);
  if (later.length === 0) return works(`version ${version}`);
  return {
    status: "limited",
    detail: `version ${version}`,
    cost: `cannot restrict ${later.map(({ name }) => name).join(", ")}`,
    remedy: `Linux ${later.at(-1)!.linux} or newer`,
  };
}

/** In their order. */
export const GUARDS: readonly Probe[] = [
  { id: "seccomp", group: "Guards", title: "filters of system calls", look: actions },
  { id: "supervision", group: "Guards", title: "supervised system calls", look: supervision },
  { id: "landlock", group: "Guards", title: "Landlock", look: landlock },
];
