/**
 * Runs a program as an executable of its own, natively or in QEMU's user mode, and gives back the
 * 64-bit words that it wrote to its standard output.
 *
 * @module
 */

import { assemble, type AssembleOptions } from "../../lib/agent/assembler.ts";
import { writeElf } from "../../lib/agent/elf.ts";
import { BOOT } from "../../lib/agent/layout.ts";
import type { Operation, Place, Value } from "../../lib/agent/operation.ts";
import { ARCH, type Arch } from "../../lib/sys/arch.ts";

/** The emulator of each architecture, by Debian's name. */
const EMULATOR: Record<Arch, string> = {
  x86_64: "qemu-x86_64-static",
  aarch64: "qemu-aarch64-static",
};

/** Why programs of this architecture cannot be run here, or undefined. */
export function whyNot(arch: Arch): string | undefined {
  if (arch === ARCH) return undefined;
  try {
    new Deno.Command(EMULATOR[arch], { args: ["--version"], stdout: "null" }).outputSync();
    return undefined;
  } catch {
    return `${EMULATOR[arch]} is not installed (Debian: qemu-user-static)`;
  }
}

/** Operations that write the word at a place to standard output. */
export function tell(place: Place): Operation {
  return { call: "write", args: [1, { at: place }, 8] };
}

/** Operations that write a word to standard output. */
export function say(value: Value): Operation[] {
  return [{ call: "SET", args: [value], store: "said", onError: "ignore" }, tell("said")];
}

/** What a program wrote, and its exit code. */
export interface Ran {
  words: bigint[];
  code: number;
}

/** Runs the operations; the program ends with code 0 where they fall off the end. */
export async function run(
  arch: Arch,
  operations: readonly Operation[],
  options: AssembleOptions = {},
): Promise<Ran> {
  const program = assemble(BOOT, [...operations, { call: "exit_group", args: [0] }], {
    ...options,
    arch,
  });
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, writeElf(program.bytes, arch), { mode: 0o700 });
    const command = arch === ARCH
      ? new Deno.Command(path, { stdin: "null" })
      : new Deno.Command(EMULATOR[arch], { args: [path], stdin: "null" });
    const { code, stdout } = await command.output();
    const view = new DataView(stdout.buffer, stdout.byteOffset, stdout.byteLength);
    const words = Array.from(
      { length: stdout.length >> 3 },
      (_, at) => view.getBigUint64(at * 8, true),
    );
    return { words, code };
  } finally {
    await Deno.remove(path);
  }
}
