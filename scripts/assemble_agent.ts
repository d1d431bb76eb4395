/**
 * Assembles the interpreter's sources with binutils and writes their bytes to
 * `lib/agent/interpreter.ts`. Run it after a change of a `.S` file: `deno task assemble`.
 * `tests/agent/assemble_test.ts` compares, so that source and bytes cannot drift apart.
 *
 * @module
 */

import { join, toFileUrl } from "@std/path";

const FOLDER = new URL("../lib/agent/", import.meta.url);

/** The assembler and object copier of each architecture, by Debian's names. */
export const TOOLS = {
  x86_64: { as: ["x86_64-linux-gnu-as", "as"], objcopy: ["x86_64-linux-gnu-objcopy", "objcopy"] },
  aarch64: { as: ["aarch64-linux-gnu-as"], objcopy: ["aarch64-linux-gnu-objcopy"] },
} as const;

async function run(names: readonly string[], args: string[]): Promise<void> {
  for (const name of names) {
    try {
      const { success, stderr } = await new Deno.Command(name, { args, stderr: "piped" }).output();
      if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Deno.errors.NotFound(`none of ${names.join(", ")} is installed`);
}

/** The machine code of one architecture's interpreter, freshly assembled. */
export async function assemble(arch: keyof typeof TOOLS): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    const object = join(folder, "interpreter.o"), binary = join(folder, "interpreter.bin");
    const source = new URL(`interpreter_${arch}.S`, FOLDER);
    await run(TOOLS[arch].as, ["-o", object, source.pathname]);
    await run(TOOLS[arch].objcopy, ["-O", "binary", "-j", ".text", object, binary]);
    return await Deno.readFile(toFileUrl(binary));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function lines(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return (hex.match(/.{1,88}/g) ?? []).map((line) => `    "${line}"`).join(" +\n");
}

if (import.meta.main) {
  const text = `/**
 * The interpreter's machine code, assembled from \`interpreter_x86_64.S\` and
 * \`interpreter_aarch64.S\` by \`deno task assemble\`. Do not edit.
 *
 * @module
 */

import type { Arch } from "../sys/arch.ts";

/** The bytes of each architecture, in hexadecimal. */
export const INTERPRETER: Record<Arch, string> = {
  x86_64:
${lines(await assemble("x86_64"))},
  aarch64:
${lines(await assemble("aarch64"))},
};
`;
  await Deno.writeTextFile(new URL("interpreter.ts", FOLDER), text);
}
