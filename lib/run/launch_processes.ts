/**
 * The processes of one launch: who they are, who of them is alive, and how they are killed.
 *
 * @module
 */

import { SIGNALS } from "../sys/abi/signal.ts";
import { check, rawSyscall, syscall } from "../sys/libc.ts";
import { SYS } from "../sys/syscall_numbers.ts";

/** Milliseconds after which pid 1 is killed too, if it has not ended by itself. */
const PATIENCE = 1000;

/** Which process of a launch one is: the one that joins namespaces, pid 1, the command. */
export type Role = "stage" | "first" | "command";

const ESRCH = 3;

/** The pidfds of one launch; whoever holds this closes them. */
export class LaunchProcesses {
  readonly #pidfds: { [role in Role]?: number } = {};
  readonly #alive = new Set<number>();
  #firstPid: number | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /** One that the agent reaps has been made. */
  add(role: "stage" | "first", pid: number, pidfd: number): void {
    this.#pidfds[role] = pidfd;
    if (role === "first") this.#firstPid = pid;
    this.#alive.add(pid);
  }

  /** The command has been executed; its parent reaps it. */
  setCommand(pidfd: number): void {
    this.#pidfds.command = pidfd;
  }

  /** One has been reaped. Whether nobody is left. */
  remove(pid: number): boolean {
    this.#alive.delete(pid);
    return this.#alive.size === 0;
  }

  /** Those that have yet to be reaped, as the host numbers them. */
  get alive(): ReadonlySet<number> {
    return this.#alive;
  }

  /** The sandbox's first process, as the host numbers it. */
  get firstPid(): number | undefined {
    return this.#firstPid;
  }

  /** Its pidfd, which stays this object's. */
  descriptor(role: Role): number | undefined {
    return this.#pidfds[role];
  }

  /** Whether it is known. */
  has(role: Role): boolean {
    return this.#pidfds[role] !== undefined;
  }

  /** Its pid on the host, as long as it lives. pidfd_open(2). */
  pidOf(role: Role): number | undefined {
    const pidfd = this.#pidfds[role];
    if (pidfd === undefined) return undefined;
    const pid = Number(
      /^Pid:\s*(-?\d+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`))?.[1],
    );
    return pid > 0 ? pid : undefined;
  }

  /** Sends a signal. One that has just ended is no error. */
  signal(role: Role, number: number): void {
    const result = this.#send(role, number);
    if (result < 0 && result !== -ESRCH) check(result, "pidfd_send_signal");
  }

  #send(role: Role, number: number): number {
    const pidfd = this.#pidfds[role];
    return pidfd === undefined ? 0 : rawSyscall(SYS.pidfd_send_signal, pidfd, number, 0, 0);
  }

  /** Ends all of them. With `byParent`, pid 1 is left to kill what is there and to report. */
  kill(byParent: boolean): void {
    if (byParent) {
      this.#send("command", SIGNALS.SIGKILL);
      this.#patience = setTimeout(() => {
        // Without a pid namespace the command could have stopped it.
        this.#send("first", SIGNALS.SIGCONT);
        this.#patience = setTimeout(() => this.#send("first", SIGNALS.SIGKILL), PATIENCE);
      }, PATIENCE);
      return;
    }
    this.#send("stage", SIGNALS.SIGKILL);
    this.#send("first", SIGNALS.SIGKILL);
  }

  /** Nobody is waited for any more. */
  calm(): void {
    // Deno loads all of node:timers for the first timer, even for clearing none.
    if (this.#patience !== undefined) clearTimeout(this.#patience);
  }

  /** Closes what is held of them. */
  close(): void {
    for (const role of ["stage", "first", "command"] as const) {
      const pidfd = this.#pidfds[role];
      this.#pidfds[role] = undefined;
      if (pidfd !== undefined) syscall("close", pidfd);
    }
  }
}
