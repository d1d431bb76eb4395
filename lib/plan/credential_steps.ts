/**
 * Who the command is and what it may do: ids, groups, the five sets of capabilities,
 * no_new_privs. credentials(7), capabilities(7).
 *
 * @module
 */

import type { Operation, Value } from "../agent/operation.ts";
import type { CapabilitiesSpec } from "../spec.ts";
import {
  _LINUX_CAPABILITY_VERSION_3,
  CAPABILITIES,
  type CapabilityName,
} from "../sys/abi/capability.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
} from "../sys/abi/prctl.ts";
import type { NewStep } from "./step.ts";

/** What the command keeps, decided. */
export interface KeptCapabilities {
  /** Permitted, effective and in the bounding set. */
  readonly keep: readonly CapabilityName[];
  /** In the ambient set too, for which the kernel wants them in the inheritable one. */
  readonly ambient: boolean;
}

/**
 * What a description keeps for this user. User 0 gets what its bounding set has at execve; another
 * user gets only what is ambient, so without that the kept ones would be gone at once.
 */
export function keptCapabilities(
  spec: CapabilitiesSpec | undefined,
  uid: number,
): KeptCapabilities {
  const keep = [...new Set(spec?.keep)];
  return { keep, ambient: keep.length > 0 && (spec?.ambient ?? uid !== 0) };
}

/** `__user_cap_header_struct` and two `__user_cap_data_struct`, low halves first. capset(2). */
function capabilitySets({ keep, ambient }: KeptCapabilities): Value[] {
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, _LINUX_CAPABILITY_VERSION_3, true);
  const halves = new Uint32Array(6);
  for (const name of keep) {
    const number = CAPABILITIES[name];
    // Effective, permitted, inheritable.
    for (const set of ambient ? [0, 1, 2] : [0, 1]) {
      halves[set + 3 * (number >> 5)]! |= 1 << (number & 31);
    }
  }
  return [header, new Uint8Array(halves.buffer)];
}

/** Takes everything but `keep` out of the bounding set. */
function dropBoundingSet(keep: readonly CapabilityName[]): Operation[] {
  return [
    ...keep.map((name, index): Operation => ({
      call: "SUBTRACT",
      args: [{ load: "capability" }, CAPABILITIES[name]],
      onError: "ignore",
      when: { equals: 0 },
      goto: "capability is dropped",
      ...(index === 0 ? { label: "next capability" } : {}),
    })),
    // The highest capability differs by kernel; EINVAL is one beyond it, EPERM is not tolerated.
    {
      call: "prctl",
      args: [PR_CAPBSET_DROP, { load: "capability" }],
      store: "dropped",
      onError: "ignore",
      when: { equals: -ERRNO.EINVAL },
      goto: "bounding set is done",
      ...(keep.length === 0 ? { label: "next capability" } : {}),
    },
    { call: "SET", args: [{ load: "dropped" }] },
    {
      call: "ADD",
      args: [{ load: "capability" }, 1],
      store: "capability",
      goto: "next capability",
      label: "capability is dropped",
    },
  ];
}

/** Who the command is, and that it has no other capability left, nor can get one back. */
export function identityStep(
  user: { uid: number; gid: number; groups: readonly number[] },
  mayIds: { setIds: boolean; setGroups: boolean },
  kept: KeptCapabilities,
): NewStep {
  const groups = new Uint8Array(new Uint32Array(user.groups).buffer);
  const operations: Operation[] = [
    ...dropBoundingSet(kept.keep),
    {
      call: "prctl",
      args: [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL],
      label: "bounding set is done",
    },
  ];
  if (mayIds.setGroups) operations.push({ call: "setgroups", args: [user.groups.length, groups] });
  if (mayIds.setIds) {
    // Otherwise the change from user 0 to another one takes them all. execve clears the bit.
    if (kept.keep.length > 0) operations.push({ call: "prctl", args: [PR_SET_KEEPCAPS, 1] });
    operations.push(
      { call: "setresgid", args: [user.gid, user.gid, user.gid] },
      { call: "setresuid", args: [user.uid, user.uid, user.uid] },
    );
  }
  operations.push({ call: "capset", args: capabilitySets(kept) });
  if (kept.ambient) {
    for (const name of kept.keep) {
      operations.push({
        call: "prctl",
        args: [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPABILITIES[name], 0, 0],
      });
    }
  }
  return {
    phase: "command",
    name: "identity",
    sentence: `become user ${user.uid} and group ${user.gid}, ${
      kept.keep.length === 0
        ? "without any capability"
        : `with ${kept.keep.join(" ")} and no other capability`
    }`,
    hints: {
      EINVAL: "the id is not in the id map; see idMap()",
      EPERM: "the program that starts the sandbox lacks a capability that is to be kept",
    },
    operations,
  };
}

/** execve gives no privileges any more. */
export function noNewPrivsStep(): NewStep {
  return {
    phase: "command",
    name: "no_new_privs",
    sentence: "make sure that execve gives no privileges",
    operations: [{ call: "prctl", args: [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0] }],
  };
}
