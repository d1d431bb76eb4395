/**
 * The files in which a sandbox's programs look up names: hosts(5) and resolv.conf(5).
 *
 * @module
 */

import type { MountSpec, SandboxSpec } from "../../spec.ts";
import { STUB_ADDRESS } from "./stub_resolver.ts";

/** `/etc/resolv.conf` of a sandbox whose resolver is ours. */
export const STUB_RESOLV_CONF = `nameserver ${STUB_ADDRESS}\noptions edns0\n`;

/** `/etc/hosts` of a sandbox: itself, and nothing of the host's. */
export function hostsFile(hostname?: string): string {
  const own = hostname === undefined ? "" : ` ${hostname}`;
  return `127.0.0.1\tlocalhost${own}\n::1\tlocalhost${own} ip6-localhost ip6-loopback\n`;
}

/**
 * A description with these files in it. They come before the user's own mounts, which win. A root
 * that is a directory of the host's must have them already, for nothing is created there.
 */
export function withNameFiles(
  spec: SandboxSpec,
  files: { hosts?: string; resolvConf?: string },
): SandboxSpec {
  if (spec.namespaces.mount !== "new") return spec;
  const wanted = [["/etc/hosts", files.hosts], ["/etc/resolv.conf", files.resolvConf]] as const;
  const mounts = wanted.flatMap(([target, contents]): MountSpec[] =>
    contents !== undefined && canBePut(spec, target) ? [{ kind: "file", target, contents }] : []
  );
  return { ...spec, mounts: [...mounts, ...spec.mounts] };
}

function canBePut({ root }: SandboxSpec, target: string): boolean {
  if (typeof root === "string") return true;
  if (!("path" in root) || typeof root.path !== "string") return false;
  try {
    return Deno.lstatSync(`${root.path}${target}`).isFile;
  } catch {
    return false;
  }
}
