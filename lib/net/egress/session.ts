/**
 * Opens the way out of one sandbox: sockets inside, the redirection, and who serves them.
 *
 * @module
 */

import { UnsupportedError } from "../../errors.ts";
import { rawSyscall } from "../../sys/libc.ts";
import { getRlimit } from "../../sys/resource.ts";
import { SYS } from "../../sys/syscall_numbers.ts";
import { DecisionLog } from "./decision_log.ts";
import { Gateway } from "./gateway.ts";
import { openInsideSockets, type ProgramRunner } from "./inside_sockets.ts";
import type { EgressPolicy } from "./policy.ts";
import type { EgressDecision, EgressReport } from "./request.ts";
import type { Lookup } from "./resolver.ts";

/** How a sandbox gets out. */
export interface EgressSessionOptions {
  /** What may be reached. */
  readonly policy: EgressPolicy;
  /**
   * Redirect all TCP, for programs that know nothing of a proxy. Default: true. Without it, only the
   * proxy and the resolver can be reached.
   */
  readonly transparent?: boolean;
  /** How allowed names are looked up. Default: as this machine does, getaddrinfo(3). */
  readonly lookup?: Lookup;
  /** Bytes per second that may go out and come in. Default: no cap. */
  readonly bandwidth?: { readonly up?: number; readonly down?: number };
  /**
   * The most connections at a time; more of them wait. Each takes two descriptors of this program.
   * Default: 4096, or a quarter of the descriptors that this program may have.
   */
  readonly maxConnections?: number;
  /**
   * Milliseconds that a client may take to say what it wants, before it is cut. Default: 20 seconds.
   */
  readonly patience?: number;
  /**
   * The addresses of names that are reached without the gate, over a device of the sandbox's; asked
   * for every name, in lower case.
   */
  readonly neighbours?: (name: string) => readonly Uint8Array[] | undefined;
  /** Is told of every decision as it is made. */
  readonly onDecision?: (decision: EgressDecision) => void;
}

/** What leaves this program enough descriptors for everything else. */
function mostConnections(): number {
  return Math.min(4096, Number(getRlimit("RLIMIT_NOFILE").soft / 4n));
}

/** The way out of one sandbox. */
export class EgressSession {
  readonly #gateway: Gateway;
  readonly #log: DecisionLog;

  private constructor(gateway: Gateway, log: DecisionLog) {
    this.#gateway = gateway;
    this.#log = log;
  }

  /**
   * Opens it in a sandbox that waits in its `networkSetup`: `inside` is `ctx.inside`. The sandbox
   * needs a network namespace of its own, whose devices lead nowhere but to `neighbours`.
   *
   * Errors: `UnsupportedError` where the kernel cannot redirect.
   */
  static async open(inside: ProgramRunner, options: EgressSessionOptions): Promise<EgressSession> {
    const { policy, transparent = true, lookup, bandwidth, neighbours } = options;
    const { maxConnections = mostConnections(), patience = 20_000 } = options;
    // Loaded while the sandbox makes its sockets.
    const loading = transparent ? import("./redirect.ts") : undefined;
    const { sockets, route, netfilter } = await openInsideSockets(inside, transparent);
    try {
      if (loading !== undefined) {
        if (route === undefined || netfilter === undefined) {
          throw new UnsupportedError("redirecting TCP", "the kernel has no netlink sockets");
        }
        const { redirectAll } = await loading;
        redirectAll({ route, netfilter, ipv6: sockets.redirect6 !== undefined });
      }
    } catch (error) {
      for (const fd of Object.values(sockets)) if (fd !== undefined) rawSyscall(SYS.close, fd);
      throw error;
    }
    const log = new DecisionLog(options.onDecision);
    const gateway = new Gateway(sockets, {
      policy,
      log,
      lookup,
      neighbours,
      bandwidth,
      maxConnections,
      patience,
    });
    return new EgressSession(gateway, log);
  }

  /** What has been decided so far. */
  report(): EgressReport {
    return this.#log.report();
  }

  /** Closes the way out. */
  close(): void {
    this.#gateway.close();
  }
}
