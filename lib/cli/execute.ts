/**
 * Runs a command in the foreground: with paddock's own standard streams or through a terminal, and
 * with every signal that paddock gets sent on to it.
 *
 * @module
 */

import type { SandboxProcess } from "../run/child.ts";
import type { Command, SpawnOptions } from "../run/run.ts";
import type { Afterwards } from "./keep_changes.ts";
import type { Sandbox } from "../sandbox.ts";
import type { Executed } from "./executed.ts";

/** The signals that a user, a shell or a service manager sends to a program to tell it something. */
const FORWARDED: readonly Deno.Signal[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
  "SIGCONT",
];
/** Those that a terminal sends to all of its foreground group. */
const FROM_TERMINAL: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT", "SIGWINCH"];

/** How long a signal waits for a command that is just being started, in milliseconds. */
const PATIENCE = 100;

/** Sends signals on to a command, from before its start to its end. */
class Forwarder {
  /** Aborted when a signal has come and there is still no command to get it. */
  readonly early = new AbortController();
  /** What came before the command. */
  readonly waiting: Deno.Signal[] = [];
  /** What has come at all. */
  readonly passed = new Set<Deno.Signal>();
  readonly #handlers = new Map<Deno.Signal, () => void>();
  #child: SandboxProcess | undefined;
  #impatient: ReturnType<typeof setTimeout> | undefined;

  listen(sharesTerminal: boolean): void {
    for (const signal of FORWARDED) {
      const handler = sharesTerminal && FROM_TERMINAL.includes(signal)
        // The command is in the same foreground group and has got it from the terminal itself;
        // paddock only must not die of it.
        ? () => {}
        : () => this.#pass(signal);
      this.#handlers.set(signal, handler);
      Deno.addSignalListener(signal, handler);
    }
  }

  #pass(signal: Deno.Signal): void {
    this.passed.add(signal);
    if (this.#child !== undefined) {
      try {
        this.#child.kill(signal);
      } catch { /* it has just ended, and its status is on the way */ }
    } else if (signal !== "SIGWINCH" && signal !== "SIGCONT") {
      // The command may run already, and only the news of it be under way. If not, it is a hook or
      // the set-up that takes long, and the signal is to end that.
      this.waiting.push(signal);
      this.#impatient ??= setTimeout(() => this.early.abort(), PATIENCE);
    }
  }

  to(child: SandboxProcess): void {
    this.#child = child;
    this.#calm();
    for (const signal of this.waiting.splice(0)) this.#pass(signal);
  }

  #calm(): void {
    // Deno loads all of node:timers for a timer, even for clearing none.
    if (this.#impatient !== undefined) clearTimeout(this.#impatient);
  }

  end(): void {
    this.#calm();
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}

/** What can be executed: a sandbox, of which no more is needed here. */
export type Executable = Pick<Sandbox, "spec" | "spawn">;

/** Runs a command to its end, and does what is to be done afterwards. */
export async function execute(
  box: Executable,
  command: Command,
  afterwards?: Afterwards,
  onTrace?: SpawnOptions["onTrace"],
): Promise<Executed> {
  const { tty, newSession } = box.spec;
  const forwarder = new Forwarder();
  const terminal = tty ? await import("./terminal.ts") : undefined;
  const spawned = box.spawn(command, { signal: forwarder.early.signal, onTrace });
  try {
    // After the launch has begun: its processes do their work meanwhile.
    forwarder.listen(!tty && !newSession && Deno.stdin.isTerminal());
    const child = await spawned;
    forwarder.to(child);
    const status = await (terminal ? terminal.relay(child) : child.status);
    await afterwards?.(child, status);
    return { status, passed: forwarder.passed };
  } catch (error) {
    const [signal] = forwarder.waiting;
    if (signal === undefined || !forwarder.early.signal.aborted) throw error;
    const { killedEarly } = await import("./ending.ts");
    return { status: killedEarly(signal), passed: forwarder.passed };
  } finally {
    forwarder.end();
  }
}
