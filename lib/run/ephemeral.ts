/**
 * Which descriptions have changes, and where those are kept.
 *
 * @module
 */

import type { SandboxSpec } from "../spec.ts";

/** Whether anything of a description is changed in memory. */
export function isEphemeral({ root, mounts }: SandboxSpec): boolean {
  const atRoot = typeof root === "object" && (
    "overlay" in root
      ? root.overlay.upper === "ephemeral"
      : "image" in root
      ? !root.readonly && (root.upper ?? "ephemeral") === "ephemeral"
      : root.ephemeral === true
  );
  return atRoot || mounts.some((mount) => mount.kind === "overlay" && mount.upper === "ephemeral");
}

/** Whether anything of a description is changed in a directory of the host. */
export function keepsOnHost({ root, mounts }: SandboxSpec): boolean {
  const lasts = (upper: string | undefined) => upper !== undefined && upper !== "ephemeral";
  const atRoot = typeof root === "object" &&
    ("overlay" in root ? lasts(root.overlay.upper) : "image" in root && lasts(root.upper));
  return atRoot || mounts.some((mount) => mount.kind === "overlay" && lasts(mount.upper));
}

/** Whether this kernel can keep changes in memory for a sandbox. */
export function memoryKeepsChanges(spec: SandboxSpec, release = Deno.osRelease()): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const inUserNamespace = (spec.namespaces.user ?? "shared") !== "shared";
  return !inUserNamespace || major > 6 || (major === 6 && minor >= 6);
}
