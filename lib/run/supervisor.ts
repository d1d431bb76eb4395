/**
 * Keeps the agent and the launches that are under way or alive, and brings each event to the
 * launch it is about. One per program, made on first use.
 *
 * @module
 */

import { Agent } from "../agent/client.ts";
import type { AgentEvent } from "../agent/event.ts";

/** What the supervisor needs of a launch. */
export interface Supervised {
  /** The number that its events carry. */
  readonly number: number;
  /** An event of its own. */
  onEvent(event: AgentEvent): void;
  /** Whether its socket may tell of a process that it has not looked for yet. */
  readonly isWaitingForPids: boolean;
  /** Reads what its socket holds, and so learns its processes. */
  drain(): void;
  /** One of its processes has been reaped. */
  onReaped(event: AgentEvent): void;
  /** The agent is gone. */
  onAgentGone(): void;
}

/** An agent, and what it is at. */
export class Supervisor {
  readonly agent: Agent;
  readonly #launches = new Map<number, Supervised>();
  readonly #byPid = new Map<number, Supervised>();

  /** `gone` is called when its agent has died. */
  constructor(gone: () => void) {
    this.agent = new Agent((event) => this.#reaped(event), () => {
      gone();
      for (const launch of [...this.#launches.values()]) launch.onAgentGone();
    });
  }

  add(launch: Supervised): void {
    this.#launches.set(launch.number, launch);
    this.agent.listen(launch.number, (event) => launch.onEvent(event));
  }

  /** Ends what {@linkcode add} began; these pids may still be reaped, and are nobody's then. */
  remove(launch: Supervised, pids: Iterable<number> = []): void {
    for (const pid of pids) this.#byPid.delete(pid);
    this.#launches.delete(launch.number);
    this.agent.unlisten(launch.number);
  }

  /** From now on this pid's end is this launch's. */
  owns(pid: number, launch: Supervised): void {
    this.#byPid.set(pid, launch);
  }

  #reaped(event: AgentEvent): void {
    if (!this.#byPid.has(event.pid)) {
      // The launch has not looked into its socket yet; it does so only when there is need.
      for (const launch of this.#launches.values()) {
        if (!launch.isWaitingForPids) continue;
        launch.drain();
        if (this.#byPid.has(event.pid)) break;
      }
    }
    const launch = this.#byPid.get(event.pid);
    this.#byPid.delete(event.pid);
    launch?.onReaped(event);
  }
}

let instance: Supervisor | undefined;
let lastNumber = 0;

/** The program's supervisor; a new one when the agent of the last one has died. */
export function supervisor(): Supervisor {
  return instance ??= new Supervisor(() => instance = undefined);
}

/** A number that no launch of this program has had. 0 is for events that belong to no launch. */
export function nextLaunchNumber(): number {
  lastNumber = lastNumber >= 0x7fff_ffff ? 1 : lastNumber + 1;
  return lastNumber;
}
