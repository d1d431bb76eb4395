/**
 * Writes a filter from its end to its beginning. A classic BPF program only jumps forward, so
 * every place that an instruction jumps to is there already, and its distance is known.
 *
 * @module
 */

import { CODE, encodeInstructions, type Instruction } from "./bpf.ts";

/** A place in the program: how many instructions there are from it to the end. */
export type Label = number;

/** A conditional jump reaches so far. */
const REACH = 255;

/** Where an instruction goes on, as distances. */
function ways({ code, jt, jf, k }: Instruction): number[] {
  if (code === CODE.RETURN) return [];
  return code === CODE.JUMP ? [k] : [jt, jf];
}

/** Leaves out what no way leads to; the rest only comes nearer to each other. */
function withoutUnreachable(program: readonly Instruction[]): Instruction[] {
  const reached = new Uint8Array(program.length + 1);
  reached[0] = 1;
  program.forEach((instruction, index) => {
    if (reached[index] === 0) return;
    for (const distance of ways(instruction)) reached[index + 1 + distance] = 1;
  });
  // How many stay before each place.
  const place = new Uint32Array(program.length + 1);
  program.forEach((_, index) => place[index + 1] = place[index]! + reached[index]!);
  return program.flatMap((instruction, index) => {
    if (reached[index] === 0) return [];
    const { code, jt, jf, k } = instruction;
    const near = (distance: number) => place[index + 1 + distance]! - place[index]! - 1;
    if (code === CODE.JUMP) return [{ code, jt, jf, k: near(k) }];
    return [{ code, jt: near(jt), jf: near(jf), k }];
  });
}

/** A program that grows at its beginning. */
export class BackwardAssembler {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  /** How many instructions there are. */
  get length(): number {
    return this.#reversed.length;
  }

  #put(instruction: Instruction): Label {
    return this.#reversed.push(instruction);
  }

  /** How far a jump written `ahead` instructions from now would have to go. */
  #distance(label: Label, ahead = 0): number {
    return this.length + ahead - label;
  }

  /** Ends with this value; the same end serves all that can reach it. */
  return(value: number): Label {
    const known = this.#returns.get(value);
    // With some room for what stands between here and the jump.
    if (known !== undefined && this.#distance(known) < REACH / 2) return known;
    const label = this.#put({ code: CODE.RETURN, jt: 0, jf: 0, k: value });
    this.#returns.set(value, label);
    return label;
  }

  /** The same place, or one that leads there, in reach of a jump `ahead` instructions from now. */
  #near(label: Label, ahead: number): Label {
    if (this.#distance(label, ahead) <= REACH) return label;
    const target = this.#reversed[label - 1]!;
    if (target.code === CODE.RETURN) return this.return(target.k);
    return this.#put({ code: CODE.JUMP, jt: 0, jf: 0, k: this.#distance(label) });
  }

  /** A place, or the one behind it, if all it does is load what has been loaded already. */
  loaded(label: Label, at: number): Label {
    const { code, k } = this.#reversed[label - 1]!;
    return code === CODE.LOAD && k === at ? label - 1 : label;
  }

  /** Goes to one of two places. */
  branch(code: number, k: number, yes: Label, no: Label): Label {
    if (yes === no) return yes;
    // Two detours at most are written before the branch itself.
    const jt = this.#near(yes, 1), jf = this.#near(no, 0);
    return this.#put({ code, jt: this.#distance(jt), jf: this.#distance(jf), k });
  }

  /** Does something and goes on at `next`. */
  then(code: number, k: number, next: Label): Label {
    if (next !== this.length) this.#put({ code: CODE.JUMP, jt: 0, jf: 0, k: this.#distance(next) });
    return this.#put({ code, jt: 0, jf: 0, k });
  }

  /** The finished program, which starts at `entry`. */
  finish(entry: Label): Uint8Array<ArrayBuffer> {
    if (entry !== this.length) {
      this.#put({ code: CODE.JUMP, jt: 0, jf: 0, k: this.#distance(entry) });
    }
    return encodeInstructions(withoutUnreachable(this.#reversed.toReversed()));
  }
}
