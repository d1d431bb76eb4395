/**
 * Why a machine refuses what sandboxes are made of, as far as its settings tell; for the error of a
 * launch and for `paddock doctor`.
 *
 * @module
 */

/** A setting of the kernel's, or undefined where there is none or it is not to be read. */
export function readSetting(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}

/** Whether this program is behind a seccomp filter itself. proc(5). */
export function isFiltered(): boolean {
  return /^Seccomp:\s*2$/m.test(readSetting("/proc/self/status") ?? "");
}

/** A reason, and what to do about it. */
export interface Refusal {
  readonly reason: string;
  readonly remedy: string;
}

/** Why this machine refuses user namespaces to this user: the first reason that can be seen. */
export function userNamespaceRefusal(setting = readSetting, filtered = isFiltered): Refusal {
  if (setting("/proc/sys/user/max_user_namespaces") === "0") {
    return {
      reason: "the limit is 0 here (it is inside of a sandbox, or set so)",
      remedy: "raise it with `sysctl -w user.max_user_namespaces=10000` as root",
    };
  }
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return {
      reason: "they are for root only here",
      remedy:
        "allow them with `sysctl -w kernel.unprivileged_userns_clone=1` as root, or run as root",
    };
  }
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    return {
      reason: "AppArmor restricts them (as Ubuntu does)",
      remedy:
        "allow them with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root, or give deno an AppArmor profile with `userns,`, or run as root",
    };
  }
  if (filtered()) {
    return {
      reason: "a seccomp filter is in force (as in a container)",
      remedy:
        "start the container with a profile that allows clone3, unshare and mount, e.g. `--security-opt seccomp=unconfined`",
    };
  }
  return {
    reason: "this kernel or a security module refuses them to this user",
    remedy: "run as root, or look into the kernel log",
  };
}

/** The same as one line. */
export function userNamespaceHint(): string {
  const { reason, remedy } = userNamespaceRefusal();
  return `${reason}; ${remedy}`;
}
