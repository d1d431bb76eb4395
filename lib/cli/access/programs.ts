/**
 * What the kernel itself opens for a program: interpreters of scripts, and the dynamic loader.
 *
 * @module
 */

import { DEFAULT_PATH } from "../../run/search_path.ts";
import type { SandboxSpec } from "../../spec.ts";
import type { AccessLog } from "./observer.ts";

/** The interpreter that a program names in its first bytes, if it does. execve(2). */
export function interpreterOf(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0x23 && bytes[1] === 0x21) {
    const line = new TextDecoder().decode(bytes.subarray(2, 258)).split("\n")[0]!;
    return line.trim().split(/\s+/)[0] || undefined;
  }
  const isElf = bytes.length > 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[4] === 2;
  if (!isElf) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = Number(view.getBigUint64(32, true)), size = view.getUint16(54, true);
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const header = start + index * size;
    if (header + 56 > bytes.length) break;
    // PT_INTERP
    if (view.getUint32(header, true) !== 3) continue;
    const from = Number(view.getBigUint64(header + 8, true));
    const to = from + Number(view.getBigUint64(header + 32, true));
    return new TextDecoder().decode(bytes.subarray(from, to)).replace(/\0.*$/s, "");
  }
}

function head(path: string): Uint8Array | undefined {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(8192);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch {
    return undefined;
  }
}

/** Adds the command's own program, which is executed before anybody sees it. */
export function addCommand(log: AccessLog, spec: SandboxSpec, program: string): void {
  if (program.includes("/")) {
    log.file(program.startsWith("/") ? program : `${spec.cwd ?? "/"}/${program}`, "execute");
    return;
  }
  const { set, inherit } = spec.env;
  const inherited = inherit === "all" || inherit.includes("PATH")
    ? Deno.env.get("PATH")
    : undefined;
  const path = typeof set.PATH === "string" ? set.PATH : inherited ?? DEFAULT_PATH;
  for (const folder of path.split(":")) {
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${program}`);
      if (!isFile || (mode! & 0o111) === 0) continue;
      return log.file(`${folder}/${program}`, "execute");
    } catch { /* not there */ }
  }
}

/** Adds the interpreters of all that was executed, and theirs. */
export function addInterpreters(log: AccessLog): void {
  const looked = new Set<string>();
  for (;;) {
    const next = [...log.files.values()].filter(({ access, host }) =>
      access.has("execute") && !looked.has(host)
    );
    if (next.length === 0) return;
    for (const { host } of next) {
      looked.add(host);
      const bytes = head(host);
      const interpreter = bytes === undefined ? undefined : interpreterOf(bytes);
      if (interpreter?.startsWith("/")) log.file(interpreter, "execute");
    }
  }
}
