/**
 * Serves the system calls that a launch's filter asks about: what the profile denies or logs is
 * counted and answered as the profile says, the rest goes to the handler. One listener a launch,
 * watched by the reactor.
 *
 * @module
 */

import { reactor } from "../agent/reactor.ts";
import { HookError, SandboxError, SyscallError } from "../errors.ts";
import { AUDIT_ARCH } from "../seccomp/compile.ts";
import { decodeInstructions, type Instruction } from "../seccomp/bpf.ts";
import { runInstructions } from "../seccomp/interpreter.ts";
import type { FilterableCall } from "../spec.ts";
import { ERRNO, errnoName } from "../sys/abi/errno.ts";
import { EPOLLHUP, EPOLLIN } from "../sys/abi/poll.ts";
import {
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_LOG,
  SECCOMP_RET_USER_NOTIF,
} from "../sys/abi/seccomp.ts";
import { ARCH } from "../sys/arch.ts";
import { rawSyscall } from "../sys/libc.ts";
import {
  answerNotification,
  injectDescriptor,
  type Notification,
  receiveNotification,
} from "../sys/seccomp.ts";
import { SYS, syscallName } from "../sys/syscall_numbers.ts";
import {
  decidedCall,
  type DecideHandler,
  observedCall,
  type ObserveHandler,
  type Verdict,
} from "./supervised_call.ts";

/** Who is asked, and how long that may take. */
export type Handler =
  & ({ readonly observe: ObserveHandler } | { readonly decide: DecideHandler })
  & { readonly timeout: number };

/** System calls of one name that the filter denied or logged. */
export interface FilteredSyscall {
  /** Its name; `"unknown"` for all that have none. */
  readonly name: string;
  /** What it got: an errno's name, or `"allow"` where it was made and logged. */
  readonly result: string;
  /** How often. */
  readonly count: number;
}

/** What a call gets about which nobody decides. */
const DENIED: Verdict = { answer: { errno: ERRNO.EPERM } };

/** So many errors of handlers are kept: the command decides how many there are. */
const MOST_ERRORS = 20;

/** Closes what a verdict was to inject. */
function letGo({ answer }: Verdict): void {
  if ("fd" in answer && !answer.keep) rawSyscall(SYS.close, answer.fd);
}

/** Fails a promise that takes too long. */
async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SandboxError(`it did not answer within ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The supervisor of one launch. */
export class Supervision {
  readonly #listener: number;
  readonly #filter: readonly Instruction[];
  readonly #handler: Handler | undefined;
  readonly #counts = new Map<string, number>();
  readonly #errors: HookError[] = [];
  #open = true;

  /** Takes the listener over. `filter` is what is to happen, without the asking. */
  constructor(listener: number, filter: Uint8Array, handler: Handler | undefined) {
    this.#listener = listener;
    this.#filter = decodeInstructions(filter);
    this.#handler = handler;
    reactor().watch(listener, EPOLLIN, (events) => this.#ready(events));
  }

  /** What has been denied and logged so far, by name. */
  get filtered(): FilteredSyscall[] {
    return Array.from(this.#counts, ([key, count]) => {
      const [name, result] = key.split(" ") as [string, string];
      return { name, result, count };
    }).sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** What handlers threw. */
  get errors(): readonly HookError[] {
    return this.#errors;
  }

  /** Lets go. Calls that still wait fail with ENOSYS, but their processes have ended by then. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    reactor().close(this.#listener);
  }

  #ready(events: number): void {
    if ((events & EPOLLIN) === 0) {
      // Nobody is left behind the filter.
      if ((events & EPOLLHUP) !== 0) this.close();
      return;
    }
    let notification: Notification | undefined;
    try {
      notification = receiveNotification(this.#listener);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.close();
      return;
    }
    if (notification !== undefined) this.#serve(notification);
  }

  #serve(notification: Notification): void {
    const { id, arch, number } = notification;
    const { value } = runInstructions(this.#filter, notification);
    const action = (value & ~SECCOMP_RET_DATA) >>> 0;
    const known = arch === AUDIT_ARCH[ARCH] ? syscallName(number) : undefined;
    // Not by number: there are too many, and the command chooses which to call.
    const name = known ?? "unknown";
    if (action === SECCOMP_RET_USER_NOTIF) {
      this.#ask(name as FilterableCall, notification);
    } else if (action === SECCOMP_RET_LOG) {
      this.#count(name, "allow");
      answerNotification(this.#listener, id, { proceed: true });
    } else {
      const errno = action === SECCOMP_RET_ERRNO ? value & SECCOMP_RET_DATA : ERRNO.EPERM;
      this.#count(name, errno === 0 ? "0" : errnoName(errno));
      answerNotification(this.#listener, id, errno === 0 ? { value: 0n } : { errno });
    }
  }

  #count(name: string, result: string): void {
    const key = `${name} ${result}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  #ask(name: FilterableCall, notification: Notification): void {
    const handler = this.#handler;
    const asked = handler === undefined
      ? this.#answer(notification, DENIED)
      : "observe" in handler
      ? this.#observe(handler.observe, handler.timeout, name, notification)
      : this.#decide(handler.decide, handler.timeout, name, notification);
    // What goes wrong from here on is the listener's end.
    asked?.catch(() => this.close());
  }

  async #observe(
    observe: ObserveHandler,
    timeout: number,
    name: FilterableCall,
    notification: Notification,
  ): Promise<void> {
    try {
      const seen = observe(observedCall(name, notification, this.#listener));
      if (seen !== undefined) await within(seen, timeout);
    } catch (error) {
      this.#fail(`observe of ${name}`, error);
    }
    this.#answer(notification, { answer: { proceed: true } });
  }

  async #decide(
    decide: DecideHandler,
    timeout: number,
    name: FilterableCall,
    notification: Notification,
  ): Promise<void> {
    const { call, hasRead } = decidedCall(name, notification, this.#listener);
    let verdict: Verdict = DENIED, late = false;
    try {
      const decided = decide(call);
      if (decided instanceof Promise) {
        decided.then((it) => late ? letGo(it) : undefined, () => {});
        verdict = await within(decided, timeout);
      } else verdict = decided;
      if (typeof verdict?.answer !== "object") {
        throw new TypeError(
          "the handler returned no verdict; return what a method of the call made",
        );
      }
      if ("proceed" in verdict.answer && hasRead()) {
        throw new TypeError("proceed() cannot rest on memory that was looked into");
      }
    } catch (error) {
      late = true;
      verdict = DENIED;
      this.#fail(`decide of ${name}`, error);
    }
    this.#answer(notification, verdict);
  }

  #fail(what: string, error: unknown): void {
    if (this.#errors.length < MOST_ERRORS) this.#errors.push(new HookError("seccomp", what, error));
  }

  #answer({ id }: Notification, verdict: Verdict): undefined {
    const { answer } = verdict;
    if (!this.#open) {
      letGo(verdict);
      return;
    }
    if (!("fd" in answer)) {
      answerNotification(this.#listener, id, answer);
      return;
    }
    try {
      injectDescriptor(this.#listener, id, answer.fd, answer.closeOnExec);
    } catch (error) {
      this.#fail("inject", error);
      answerNotification(this.#listener, id, { errno: ERRNO.EPERM });
    } finally {
      letGo(verdict);
    }
  }
}
