/**
 * The machine code of {@linkcode spawnRaw}: the bytes of `clone_x86_64.S` and `clone_aarch64.S`,
 * which say what it does. A test assembles the sources and compares.
 *
 * @module
 */

import { SyscallError, UnsupportedError } from "../errors.ts";
import { PROT_EXEC, PROT_READ } from "./abi/memory.ts";
import { ARCH, type Arch } from "./arch.ts";
import { mapMemory, type MappedMemory } from "./memory.ts";

/** The assembled sources, in hexadecimal. */
export const CLONE_CODE: Readonly<Record<Arch, string>> = {
  x86_64: "53415441554889fb488b3b488b7308b8b30100000f054885c07406415d415c5b" +
    "c34531e44c8b6b1031c04c3b6318732f498b4500498b7d08498b7510498b5518" +
    "4d8b55204d8b45284d8b4d300f05483d01f0ffff730949ffc44983c538ebc948" +
    "f7d84c89632848894330b8010000008b7b20488d7328ba100000000f05b8e700" +
    "0000bf7f0000000f05f4",
  aarch64: "f353bea9f50b00f9f30300aa600640a9683680d2010000d4800000b4f50b40f9" +
    "f353c2a8c0035fd6140080d2750a40f9000080d2690e40f99f0209eb62010054" +
    "a80240a9a10a41a9a31242a9a51a40f9010000d41ffc3fb18200005494060091" +
    "b5e20091f3ffff17e00300cb748202a9080880d2601240f961a20091020280d2" +
    "010000d4c80b80d2e00f80d2010000d4000020d4",
};

const SIGNATURE = { parameters: ["u64"], result: "i64" } as const;

let loaded: { memory: MappedMemory; start: Deno.UnsafeFnPointer<typeof SIGNATURE> } | undefined;

function load(): NonNullable<typeof loaded> {
  const code = Uint8Array.from(CLONE_CODE[ARCH].match(/../g)!, (pair) => parseInt(pair, 16));
  const memory = mapMemory({ length: code.length });
  memory.bytes.set(code);
  try {
    // Never writable and executable at once. On aarch64 this is also what makes the instruction
    // cache see the bytes: the kernel syncs a page that becomes executable.
    memory.protect(PROT_READ | PROT_EXEC);
  } catch (error) {
    memory.unmap();
    if (!(error instanceof SyscallError)) throw error;
    throw new UnsupportedError(
      "starting a process by raw clone3",
      "this process may not make memory executable: a security module (SELinux execmem) or " +
        "PR_SET_MDWE forbids it",
      { cause: error },
    );
  }
  const pointer = Deno.UnsafePointer.create<typeof SIGNATURE>(BigInt(memory.address))!;
  return loaded = { memory, start: new Deno.UnsafeFnPointer(pointer, SIGNATURE) };
}

/**
 * Runs the code on a request (see `clone_x86_64.S`) and returns what clone3 returned in the
 * parent: the child's pid, or minus the errno.
 */
export function runCloneCode(request: number): number {
  const { start } = loaded ?? load();
  return Number(start.call(BigInt(request)));
}
