/**
 * What a pod is, and the sandbox that holds its namespaces.
 *
 * @module
 */

import { DEFAULT_SPEC } from "../defaults.ts";
import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { checkLimits } from "../plan/check_limits.ts";
import { checkSpec } from "../plan/check_spec.ts";
import type { IdMapSpec, LimitsSpec, NamespaceKind, NetworkSpec, SandboxSpec } from "../spec.ts";

/** What the members of a pod can share. */
export type PodShare = "ipc" | "net" | "pid" | "uts";

/** What a pod is. */
export interface PodOptions {
  /** Which namespaces its members share. Default: `["net", "ipc", "uts"]`. */
  share?: readonly PodShare[];
  /** Their host name; needs `uts` to be shared. Default: `"paddock"`. */
  hostname?: string;
  /** How they are connected, once for all; needs `net` to be shared. Default: loopback only. */
  network?: NetworkSpec;
  /** What all members may use together; each may have limits of its own below these. */
  limits?: LimitsSpec;
  /**
   * Which ids exist inside, where the members share a user namespace: of an ordinary user always, of
   * root with `pid`. Default: that of the members' user alone.
   */
  idMap?: IdMapSpec;
}

const SHARED: readonly PodShare[] = ["ipc", "net", "pid", "uts"];

/** Throws a `SpecError` for what a pod cannot be. */
export function checkPod(options: PodOptions): Required<Pick<PodOptions, "share">> & PodOptions {
  checkKeys(options, "", ["share", "hostname", "network", "limits", "idMap"]);
  const { share = ["net", "ipc", "uts"], hostname, network, limits, idMap } = options;
  checkLimits(limits);
  const unknown = share.find((kind) => !SHARED.includes(kind));
  if (unknown !== undefined) {
    throw new SpecError("share", `"${unknown}" is none of ${SHARED.join(", ")}`);
  }
  if (share.length === 0) throw new SpecError("share", "is empty; members would share nothing");
  if (hostname !== undefined && !share.includes("uts")) {
    throw new SpecError("hostname", 'its members have their own; add "uts" to share');
  }
  if (network !== undefined && !share.includes("net")) {
    throw new SpecError("network", 'its members have their own; add "net" to share');
  }
  if (network?.mode === "host" || network?.mode === "join") {
    throw new SpecError(
      "network.mode",
      `"${network.mode}" is no network of the pod's own; leave "net" out of share, and say so of each member`,
    );
  }
  if (idMap !== undefined && !joinsUser(share)) {
    throw new SpecError(
      "idMap",
      "root's members have user namespaces of their own; say it of them",
    );
  }
  return { ...options, share };
}

/**
 * Whether members are in the pod's user namespace. An ordinary user can only join what belongs to a
 * user namespace that is joined, too; and who shares pids must be able to mount their proc.
 */
export function joinsUser(share: readonly PodShare[]): boolean {
  return Deno.uid() !== 0 || share.includes("pid");
}

/** The sandbox that holds the namespaces: nothing but a root without anything in it. */
export function holderSpec(
  { share, hostname, network, idMap }: ReturnType<typeof checkPod>,
): SandboxSpec {
  const own: NamespaceKind[] = ["mount", ...share, ...(joinsUser(share) ? ["user" as const] : [])];
  const spec: SandboxSpec = {
    ...DEFAULT_SPEC,
    root: "empty",
    mounts: [],
    namespaces: Object.fromEntries(own.map((kind) => [kind, "new"])),
    hostname: share.includes("uts") ? hostname ?? DEFAULT_SPEC.hostname : undefined,
    network,
    idMap,
  };
  checkSpec(spec);
  return spec;
}
