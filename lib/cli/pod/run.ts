/**
 * Runs the members of a pod until all of them have ended.
 *
 * @module
 */

import { type Pod, pod } from "../../pod.ts";
import type { SandboxProcess, SandboxStatus } from "../../run/child.ts";
import { endingLine } from "../ending.ts";
import { complain, EXIT, exitCode, oneLine } from "../failure.ts";
import type { MemberPlan, PodFile } from "./file.ts";
import { copyLines } from "./prefixed.ts";

/** How a member ended, for the last time. */
export interface MemberEnd {
  readonly name: string;
  /** As `paddock run` would have it. */
  readonly code: number;
  /** How often its command was started. */
  readonly starts: number;
  /** Undefined where it could not be started. */
  readonly status?: SandboxStatus;
}

const FIRST_PAUSE = 100, LONGEST_PAUSE = 10_000;

/** How long members may take to end when paddock is told to, in milliseconds. */
const GRACE = 10_000;

/** Signals that end paddock, and so the members. */
const ENDING = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** One member, however often its command is started. */
class Member {
  readonly #plan: MemberPlan;
  readonly #pod: Pod;
  readonly #prefix: string;
  readonly #stopped = new AbortController();
  #child: SandboxProcess | undefined;
  #passed: Deno.Signal | undefined;

  constructor(plan: MemberPlan, pod: Pod, width: number) {
    this.#plan = plan;
    this.#pod = pod;
    this.#prefix = `${plan.name.padEnd(width)} | `;
  }

  /** Sends a signal, and starts it no more. */
  stop(signal: Deno.Signal): void {
    this.#passed = signal;
    this.#stopped.abort();
    try {
      this.#child?.kill(signal);
    } catch { /* it has just ended */ }
  }

  async #once(): Promise<{ code: number; status?: SandboxStatus }> {
    const { box } = this.#plan;
    try {
      const options = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
      await using child = await this.#pod.start(box, undefined, options);
      this.#child = child;
      // It may have been told to end while it was being started.
      if (this.#passed !== undefined) this.stop(this.#passed);
      const [status] = await Promise.all([
        child.status,
        copyLines(child.stdout, Deno.stdout, this.#prefix),
        copyLines(child.stderr, Deno.stderr, this.#prefix),
      ]);
      const passed = new Set(this.#passed === undefined ? [] : [this.#passed]);
      const line = endingLine({ status, passed }, box.spec);
      if (line !== undefined) complain(`paddock: ${this.#plan.name}: ${line}`);
      return { code: status.timedOut ? EXIT.timedOut : status.code, status };
    } catch (error) {
      complain(`paddock: ${this.#plan.name}: ${oneLine(error)}`);
      return { code: exitCode(error) };
    } finally {
      this.#child = undefined;
    }
  }

  /** Starts it, again and again if it says so, and resolves to its last end. */
  async run(): Promise<MemberEnd> {
    const { name, restart } = this.#plan;
    for (let starts = 1, pause = FIRST_PAUSE;; starts++) {
      const begun = performance.now();
      const { code, status } = await this.#once();
      const again = restart === "always" || (restart === "on-failure" && code !== 0);
      // What cannot be started at all will not be able to the next time.
      if (!again || status === undefined || this.#stopped.signal.aborted) {
        return { name, code, starts, status };
      }
      if (performance.now() - begun > LONGEST_PAUSE) pause = FIRST_PAUSE;
      await this.#pause(pause);
      if (this.#stopped.signal.aborted) return { name, code, starts, status };
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  #pause(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#stopped.signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
    return promise;
  }
}

/** Makes the pod, runs its members until the last has ended, and tells how, in the order of the ends. */
export async function runPod({ options, members: plans }: PodFile): Promise<MemberEnd[]> {
  await using together = await pod(options);
  const width = Math.max(...plans.map(({ name }) => name.length));
  const members = plans.map((plan) => new Member(plan, together, width));
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const handlers = ENDING.map((signal) => {
    const handler = () => {
      // The second one is for those who did not heed the first.
      const isSecond = stop.signal.aborted;
      stop.abort();
      for (const member of members) member.stop(isSecond ? "SIGKILL" : signal);
      timer ??= setTimeout(() => members.forEach((member) => member.stop("SIGKILL")), GRACE);
    };
    Deno.addSignalListener(signal, handler);
    return [signal, handler] as const;
  });
  const ends: MemberEnd[] = [];
  try {
    await Promise.all(members.map(async (member) => {
      ends.push(await member.run());
    }));
    return ends;
  } finally {
    clearTimeout(timer);
    for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
  }
}
