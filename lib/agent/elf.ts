/**
 * Writes the agent's executable: a static ELF of two segments, the interpreter and the boot
 * program. elf(5).
 *
 * @module
 */

import { ARCH, type Arch } from "../sys/arch.ts";
import { INTERPRETER } from "./interpreter.ts";
import { BOOT, CODE } from "./layout.ts";

const HEADER_SIZE = 0x100;
const EM_X86_64 = 62, EM_AARCH64 = 183;
const PT_LOAD = 1, PT_GNU_STACK = 0x6474e551;
const PF_X = 1, PF_W = 2, PF_R = 4;

/** The executable for a boot program that was assembled for the address `BOOT`. */
export function writeElf(boot: Uint8Array, arch: Arch = ARCH): Uint8Array<ArrayBuffer> {
  const code = Uint8Array.fromHex(INTERPRETER[arch]);
  const bootOffset = BOOT - CODE;
  const file = new Uint8Array(bootOffset + boot.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64-bit, little-endian, version 1
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, arch === "x86_64" ? EM_X86_64 : EM_AARCH64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(CODE + HEADER_SIZE), true); // entry
  view.setBigUint64(32, 64n, true); // program headers
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const segment = (
    index: number,
    type: number,
    flags: number,
    offset: number,
    at: number,
    size: number,
  ) => {
    const header = 64 + index * 56;
    view.setUint32(header, type, true);
    view.setUint32(header + 4, flags, true);
    view.setBigUint64(header + 8, BigInt(offset), true);
    view.setBigUint64(header + 16, BigInt(at), true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(size), true);
    view.setBigUint64(header + 40, BigInt(size), true);
    view.setBigUint64(header + 48, 0x10000n, true); // the largest page size of aarch64
  };
  segment(0, PT_LOAD, PF_R | PF_X, 0, CODE, HEADER_SIZE + code.length);
  segment(1, PT_LOAD, PF_R | PF_W, bootOffset, BOOT, boot.length);
  segment(2, PT_GNU_STACK, PF_R | PF_W, 0, 0, 0);
  file.set(code, HEADER_SIZE);
  file.set(boot, bootOffset);
  return file;
}
