/**
 * Attackers: an attempt is a list of system calls, assembled into a static program of a few hundred
 * bytes that is executed inside of a sandbox and says which call failed, and how. It needs no
 * compiler, no interpreter and no library, so it is the same on every machine.
 *
 * @module
 */

import { assemble } from "../../lib/agent/assembler.ts";
import { writeElf } from "../../lib/agent/elf.ts";
import { decodeEvent, EVENT_SIZE, EventKind, eventTemplate } from "../../lib/agent/event.ts";
import { BOOT } from "../../lib/agent/layout.ts";
import { OPERATION_SIZE } from "../../lib/agent/assembler.ts";
import type { Operation } from "../../lib/agent/operation.ts";
import { errnoName } from "../../lib/sys/abi/errno.ts";
import type { Sandbox, SandboxOutput } from "../../mod.ts";
import type { Arch } from "../../lib/sys/arch.ts";

/** Who tries, and behind what. */
export interface Who {
  /** The user inside. */
  readonly uid: number;
  /** Whether the default filter of system calls is in force. */
  readonly filtered: boolean;
}

/** An attempt to get out, to get more rights, or to reach what is not one's own. */
export interface Attempt {
  /** What is tried. */
  readonly name: string;
  /** What stops it; where there are several walls, all of them. */
  readonly guard: string;
  /** The calls, in order. The first that fails ends the attempt. */
  readonly calls: readonly Call[];
  /**
   * What must come of it: the call that is refused and its errno (`"mount EPERM"`), `"signal SIGSYS"`,
   * or `"done"` where nothing is refused because nothing of the host is reached.
   */
  readonly expect: string | ((who: Who) => string);
  /** Only there. */
  readonly arch?: Arch;
  /** Changes to the default sandbox that the attempt is about. */
  readonly box?: (box: Sandbox) => Sandbox;
}

/** An operation; maybe with a call number that is nobody's. */
export type Call = Operation & { readonly number?: number };

/** What becomes of it where the filter refuses it, and what where it is not there. */
export function filtered(behind: string, there: string): (who: Who) => string {
  return (who) => who.filtered ? behind : there;
}

/** The executable of an attempt. */
export function attacker(calls: readonly Call[]): Uint8Array<ArrayBuffer> {
  const operations: Operation[] = [
    { call: "HANDLER", args: [{ label: "refused" }, { at: "refusal" }] },
    ...calls.map(({ number: _, ...operation }, index) => ({ ...operation, step: index + 1 })),
    { call: "write", args: [1, { at: "success" }, EVENT_SIZE] },
    { call: "exit_group", args: [0] },
    { call: "write", args: [1, { at: "refusal" }, EVENT_SIZE], label: "refused" },
    { call: "exit_group", args: [0] },
  ];
  const { bytes } = assemble(BOOT, operations, {
    buffers: { buffer: 4096, "a struct": 256 },
    contents: {
      success: eventTemplate(EventKind.STARTED),
      refusal: eventTemplate(EventKind.FAILED),
    },
  });
  const view = new DataView(bytes.buffer);
  calls.forEach(({ number }, index) => {
    if (number !== undefined) view.setUint32((index + 1) * OPERATION_SIZE, number, true);
  });
  return writeElf(bytes);
}

/** The name of an executable in the sandbox. */
const PLACE = "/attack";

/** What came of an attempt, in the words of {@linkcode Attempt.expect}. */
export function outcome(
  calls: readonly Call[],
  { signal, stdout, code }: Pick<SandboxOutput, "signal" | "stdout" | "code">,
): string {
  if (signal !== null) return `signal ${signal}`;
  if (stdout.length !== EVENT_SIZE) return `exit code ${code}, ${stdout.length} bytes`;
  const event = decodeEvent(stdout as Uint8Array<ArrayBuffer>);
  if (event.kind === EventKind.STARTED) return "done";
  return `${calls[event.step - 1]!.call} ${errnoName(event.errno)}`;
}

/** Tries, in that sandbox. */
export async function attempt(box: Sandbox, calls: readonly Call[]): Promise<string> {
  const output = await box.file(PLACE, attacker(calls), { mode: "0755" }).output([PLACE]);
  return outcome(calls, output);
}
