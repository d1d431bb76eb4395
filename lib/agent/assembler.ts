/**
 * Turns operations into the bytes that the interpreter executes. The program is assembled for a
 * fixed address, so its own data can be pointed at directly.
 *
 * Layout: operations of 80 bytes each, then the data. See interpreter_x86_64.S for the fields.
 *
 * @module
 */

import { ERRNO } from "../sys/abi/errno.ts";
import { ARCH, type Arch } from "../sys/arch.ts";
import { syscallNumber } from "../sys/syscall_numbers.ts";
import { type Operation, type Place, PSEUDO, type PseudoCall, type Value } from "./operation.ts";

/** Bytes an operation takes. */
export const OPERATION_SIZE = 80;

const LOAD = 1, LOAD32 = 3;
const RULE_STOP = 0, RULE_IGNORE = 1, RULE_TOLERATE = 2, RULE_GOTO = 3;
const BRANCH_ALWAYS = 1, BRANCH_EQUAL = 2, BRANCH_DIFFERENT = 3;

/** A program ready to be loaded at `base`. */
export interface Program {
  /** The address it was assembled for. */
  readonly base: number;
  /** Operations, then data. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The address of each label. */
  readonly labels: ReadonlyMap<string, number>;
  /** The address of each named cell and buffer. */
  readonly places: ReadonlyMap<string, number>;
}

/** What {@linkcode assemble} can be told besides the operations. */
export interface AssembleOptions {
  /** Sizes in bytes of named buffers; a name not listed here is a cell of 8 bytes. */
  readonly buffers?: Readonly<Record<string, number>>;
  /** Initial contents of named buffers. */
  readonly contents?: Readonly<Record<string, Uint8Array>>;
  /** Places of programs that are in memory already. */
  readonly externals?: ReadonlyMap<string, number>;
  /** The architecture whose call numbers are used. Default: this one. */
  readonly arch?: Arch;
}

const encoder = new TextEncoder();

class Data {
  bytes = new Uint8Array(8192);
  view = new DataView(this.bytes.buffer);
  length = 0;
  readonly places = new Map<string, number>();
  readonly #texts = new Map<string, number>();

  constructor(
    readonly base: number,
    readonly sizes: Readonly<Record<string, number>>,
    readonly externals?: ReadonlyMap<string, number>,
  ) {}

  reserve(size: number): number {
    const at = this.length;
    this.length = at + ((size + 7) & ~7);
    if (this.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }

  append(bytes: Uint8Array, terminator: number): number {
    const at = this.reserve(bytes.length + terminator);
    this.bytes.set(bytes, at);
    return this.base + at;
  }

  text(text: string): number {
    let at = this.#texts.get(text);
    if (at === undefined) this.#texts.set(text, at = this.append(encoder.encode(text), 1));
    return at;
  }

  named(name: string): number {
    let at = this.places.get(name) ?? this.externals?.get(name);
    if (at === undefined) {
      at = this.base + this.reserve(this.sizes[name] ?? 8);
      this.places.set(name, at);
    }
    return at;
  }

  place(place: Place): number {
    if (typeof place === "number") return place;
    if (typeof place === "string") return this.named(place);
    return this.named(place.name) + place.offset;
  }
}

/** Writes a 64-bit word; without a BigInt, for they are slow and a start has thousands of words. */
function put64(view: DataView, at: number, value: number | bigint): void {
  if (typeof value === "bigint") view.setBigInt64(at, value, true);
  else {
    view.setUint32(at, value >>> 0, true);
    view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000) >>> 0, true);
  }
}

/** The number of a call: the kernel's, or one of the interpreter's own. */
function callNumber(call: Operation["call"], arch: Arch): number {
  return PSEUDO[call as PseudoCall] ?? syscallNumber(call, arch)!;
}

/** Assembles operations for the address `base` (below 4 GiB, so that a branch fits 32 bits). */
export function assemble(
  base: number,
  operations: readonly Operation[],
  options: AssembleOptions = {},
): Program {
  // The first launch of a program runs through this before V8 has compiled any of it to machine
  // code; that is why these are plain loops.
  const arch = options.arch ?? ARCH;
  const labels = new Map<string, number>();
  for (let index = 0; index < operations.length; index++) {
    const { label } = operations[index]!;
    if (label === undefined) continue;
    if (labels.has(label)) throw new Error(`Label "${label}" stands twice`);
    labels.set(label, base + index * OPERATION_SIZE);
  }
  const size = operations.length * OPERATION_SIZE;
  const data = new Data(base + size, options.buffers ?? {}, options.externals);
  for (const name in options.contents) {
    data.places.set(name, data.append(options.contents[name]!, 0));
  }

  const target = (label: string | number): number => {
    if (typeof label === "number") return label;
    const address = labels.get(label);
    if (address === undefined) throw new Error(`Label "${label}" is not in the program`);
    return address;
  };

  const address = (value: Exclude<Value, number | bigint>): number => {
    if (typeof value === "string") return data.text(value);
    if (value instanceof Uint8Array) return data.append(value, 1);
    if ("at" in value) return data.place(value.at);
    if ("label" in value) return target(value.label);
    if ("words" in value) {
      const at = data.reserve(value.words.length * 8);
      for (let index = 0; index < value.words.length; index++) {
        const word = value.words[index]!;
        const plain = typeof word === "number" || typeof word === "bigint" ? word : address(word);
        put64(data.view, at + index * 8, plain);
      }
      if (value.name !== undefined) data.places.set(value.name, data.base + at);
      return data.base + at;
    }
    throw new Error("A load cannot stand inside of a structure");
  };

  const code = new Uint8Array(size);
  const view = new DataView(code.buffer);
  for (let index = 0; index < operations.length; index++) {
    const at = index * OPERATION_SIZE;
    const operation = operations[index]!;
    const { call, args } = operation;
    view.setUint32(at, callNumber(call, arch), true);
    let modes = 0;
    for (let place = 0; args !== undefined && place < args.length; place++) {
      const value = args[place]!;
      const to = at + 16 + place * 8;
      if (typeof value === "number" || typeof value === "bigint") {
        if (value !== 0) put64(view, to, value);
      } else if (typeof value === "object" && "load32" in value) {
        modes |= LOAD32 << (place * 2);
        put64(view, to, data.place(value.load32));
      } else if (typeof value === "object" && "load" in value) {
        modes |= LOAD << (place * 2);
        put64(view, to, data.place(value.load));
      } else put64(view, to, address(value));
    }
    if (operation.store32) modes |= 1 << 12;
    if (modes !== 0) view.setUint16(at + 4, modes, true);

    const rule = operation.onError ?? "stop";
    let jump = operation.goto === undefined ? 0 : target(operation.goto);
    if (rule === "stop") code[at + 6] = RULE_STOP;
    else if (rule === "ignore") code[at + 6] = RULE_IGNORE;
    else if ("tolerate" in rule) {
      code[at + 6] = RULE_TOLERATE;
      view.setUint16(at + 10, ERRNO[rule.tolerate], true);
    } else {
      if (jump !== 0) throw new Error(`${call}: one target serves the error rule and the branch`);
      code[at + 6] = RULE_GOTO;
      jump = target(rule.goto);
    }
    if (operation.goto !== undefined) {
      const when = operation.when;
      if (when === undefined) code[at + 7] = BRANCH_ALWAYS;
      else {
        code[at + 7] = "equals" in when ? BRANCH_EQUAL : BRANCH_DIFFERENT;
        put64(view, at + 64, "equals" in when ? when.equals : when.differs);
      }
    }
    view.setUint16(at + 8, operation.step ?? 0, true);
    if (operation.store !== undefined) view.setUint32(at + 12, data.place(operation.store), true);
    if (jump !== 0) view.setUint32(at + 72, jump, true);
  }

  const bytes = new Uint8Array(size + data.length);
  bytes.set(code);
  bytes.set(data.bytes.subarray(0, data.length), size);
  return { base, bytes, labels, places: data.places };
}
