/**
 * What the tests of detached sandboxes share: a state directory of their own, and commands that use
 * it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { StateDirectory } from "../../lib/state/directory.ts";
import { isAlive } from "../../lib/state/identity.ts";
import type { SandboxRecord } from "../../lib/state/record.ts";
import { main } from "../../lib/cli/main.ts";
import { type Ended, paddock } from "../cli/run.ts";
import { until } from "../integration/support.ts";

let turn: Promise<void> = Promise.resolve();

/** What the command line writes, instead of writing it. */
async function captured(state: string, args: readonly string[]): Promise<Ended> {
  const written = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  Deno.env.set("PADDOCK_STATE", state);
  for (const stream of ["stdout", "stderr"] as const) {
    Deno[stream].writeSync = (bytes) => {
      written[stream] += decoders[stream].decode(bytes, { stream: true });
      return bytes.length;
    };
  }
  try {
    return { code: await main(args), ...written };
  } finally {
    for (const stream of ["stdout", "stderr"] as const) {
      delete (Deno[stream] as { writeSync?: unknown }).writeSync;
    }
    Deno.env.delete("PADDOCK_STATE");
  }
}

/** A state directory, and `paddock` with it. */
export class Place {
  /** Its path. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The environment of a command that uses it. */
  get env(): Record<string, string> {
    return { PADDOCK_STATE: this.path };
  }

  /** Runs `paddock` as a process of its own. */
  process(...args: string[]): Promise<Ended> {
    return paddock(args, { env: this.env });
  }

  /** Runs `paddock` within this program, one command after the other: much quicker. */
  paddock(...args: string[]): Promise<Ended> {
    const ended = turn.then(() => captured(this.path, args));
    turn = ended.then(() => {}, () => {});
    return ended;
  }

  /** The same, which must succeed: what it printed. */
  async out(...args: string[]): Promise<string> {
    const ended = await this.paddock(...args);
    assertEquals({ ...ended, stdout: "" }, { code: 0, stdout: "", stderr: "" }, args.join(" "));
    return ended.stdout;
  }

  /** Starts a sandbox: its record. */
  async start(...args: string[]): Promise<SandboxRecord> {
    const id = (await this.out("run", "-d", ...args)).trim();
    return this.record(id);
  }

  /** A record, which must be there. */
  record(id: string): SandboxRecord {
    return StateDirectory.open(this.path)!.read(id)!;
  }

  /** The ids of all that is written down. */
  ids(): string[] {
    return StateDirectory.open(this.path)?.ids() ?? [];
  }
}

/** Whether anything of a sandbox lives: its keeper, its pid 1, its command. */
export function lives({ processes }: SandboxRecord): boolean {
  return processes !== undefined && Object.values(processes).some(isAlive);
}

/** Runs with a state directory of its own, and leaves nothing that runs. */
export async function inPlace(
  use: (place: Place) => Promise<void>,
  parent?: string,
): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "paddock-state-", dir: parent });
  await Deno.chmod(path, 0o700);
  const place = new Place(path);
  try {
    await use(place);
  } finally {
    const records = (StateDirectory.open(path)?.entries() ?? []).flatMap(({ record }) =>
      record === undefined ? [] : [record]
    );
    if (records.some(lives)) await place.paddock("rm", "-f", ...place.ids());
    await until(() => !records.some(lives));
    await Deno.remove(path, { recursive: true });
  }
}
