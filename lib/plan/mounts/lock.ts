/**
 * Locks all mounts against a command that keeps CAP_SYS_ADMIN: it could unmount what covers
 * something, and make read-only mounts writable again. The kernel locks mounts for whoever gets them
 * from a more privileged user namespace; so the finished tree is handed on to one more pair of a user
 * and a mount namespace, in which the command lives. mount_namespaces(7), "Restrictions on mount
 * namespaces".
 *
 * @module
 */

import type { NamespaceKind, SandboxSpec } from "../../spec.ts";

/** Whether the command could undo its own mounts. Without a user namespace nothing could stop it. */
export function needsLock(spec: SandboxSpec): boolean {
  return spec.namespaces.user === "new" && spec.namespaces.mount === "new" &&
    (spec.capabilities?.keep.includes("CAP_SYS_ADMIN") ?? false);
}

/** What is mounted of a namespace must find it made, and then its owner is the outer one. */
function isMounted(kind: NamespaceKind, spec: SandboxSpec): boolean {
  const kinds: string[] = spec.mounts.map((mount) =>
    mount.kind === "filesystem" ? mount.type : mount.kind
  );
  switch (kind) {
    case "net":
      return kinds.includes("sysfs");
    case "ipc":
      return kinds.includes("mqueue");
    default:
      return false;
  }
}

/**
 * The namespaces that are made after the lock: capabilities count in a namespace only where its owner
 * is the command's own user namespace. Hooks before the mounts are promised all of them.
 */
export function kindsBehindLock(spec: SandboxSpec, preMount: boolean): NamespaceKind[] {
  if (!needsLock(spec) || preMount) return [];
  return (["ipc", "net", "uts"] as const).filter((kind) =>
    spec.namespaces[kind] === "new" && !isMounted(kind, spec)
  );
}
