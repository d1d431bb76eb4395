/**
 * What becomes of a sandbox's description in a pod.
 *
 * @module
 */

import { DEFAULT_SPEC } from "../defaults.ts";
import { SpecError } from "../errors.ts";
import type { Plugin } from "../hook.ts";
import { NAMESPACE_KINDS, type NamespaceKind, type SandboxSpec } from "../spec.ts";

/** What a pod has for its members. */
export interface PodPlace {
  /** Its namespaces, by kind. */
  readonly fds: ReadonlyMap<NamespaceKind, number>;
  /** What connects it, whose files members need. */
  readonly network: readonly Plugin[];
  readonly hostname: string | undefined;
  /** Whether it has limits, and so its members have cgroups. */
  readonly limited: boolean;
}

/** Throws a `SpecError` where a description and the pod want different things. */
function checkMember(spec: SandboxSpec, { fds, limited }: PodPlace): void {
  for (const kind of fds.keys()) {
    if (spec.namespaces[kind] === "new") continue;
    throw new SpecError(
      `namespaces.${kind}`,
      `the pod's members share theirs; leave share("${kind}") and join("${kind}") out`,
    );
  }
  const isSaid = (value: string | undefined) =>
    value !== undefined && value !== DEFAULT_SPEC.hostname;
  if (fds.has("uts") && isSaid(spec.hostname)) {
    throw new SpecError("hostname", "the pod's members share one; give it to the pod");
  }
  if (fds.has("net") && spec.network !== undefined && spec.network.mode !== "none") {
    throw new SpecError("network", "the pod's members share one; give it to the pod");
  }
  if (fds.has("net") && spec.network !== undefined && Object.keys(spec.network).length > 1) {
    throw new SpecError("network", "the pod's members share one; give these settings to the pod");
  }
  if (fds.has("user") && spec.idMap !== undefined) {
    throw new SpecError("idMap", "the pod's members share one; give it to the pod");
  }
  if (limited && spec.limits?.parent !== undefined) {
    throw new SpecError("limits.parent", "the pod's members share one; give it to the pod");
  }
  if (fds.has("pid") && spec.asPid1) {
    throw new SpecError("asPid1", "the pod's members share pids, and it has a first one already");
  }
}

/** The description of a member: it joins what the pod has, and gets the files of its network. */
export async function memberSpec(source: SandboxSpec, pod: PodPlace): Promise<SandboxSpec> {
  checkMember(source, pod);
  let spec: SandboxSpec = {
    ...source,
    hostname: pod.fds.has("uts") ? pod.hostname : source.hostname,
  };
  for (const { configure } of pod.network) {
    if (typeof configure === "function") spec = await configure(spec) ?? spec;
  }
  const namespaces = { ...source.namespaces };
  for (const kind of NAMESPACE_KINDS) {
    const fd = pod.fds.get(kind);
    if (fd !== undefined) namespaces[kind] = { join: { fd } };
  }
  return {
    ...spec,
    namespaces,
    hostname: pod.fds.has("uts") ? undefined : source.hostname,
    network: pod.fds.has("net") ? undefined : source.network,
    limits: pod.limited ? source.limits ?? {} : source.limits,
  };
}
