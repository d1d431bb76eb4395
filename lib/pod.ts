/**
 * Pods: sandboxes that share namespaces.
 *
 * @module
 */

import type { Cgroup } from "./hook.ts";
import type { Command } from "./run/begin.ts";
import type { SandboxOutput, SandboxProcess } from "./run/child.ts";
import { Pod as Holder } from "./run/pod.ts";
import type { PodOptions } from "./run/pod_options.ts";
import type { SpawnOptions } from "./run/run.ts";
import { descriptionOf, type Sandbox } from "./sandbox.ts";

/** Sandboxes that share namespaces, made by {@linkcode pod}. */
export class Pod implements AsyncDisposable {
  readonly #holder: Holder;

  /** Use {@linkcode pod}. */
  constructor(holder: Holder) {
    this.#holder = holder;
  }

  /** The pid of the process that holds its namespaces, as the host numbers it. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Its cgroup, if it has `limits`: what all members together use, to watch and change. */
  get cgroup(): Cgroup | undefined {
    return this.#holder.cgroup;
  }

  /** How many members run. */
  get members(): number {
    return this.#holder.members;
  }

  /** Resolves when it has ended, with all of its members. */
  get ended(): Promise<void> {
    return this.#holder.ended;
  }

  /** Starts a command in a sandbox that joins the pod, and resolves once it runs. */
  start(box: Sandbox, command?: Command, options: SpawnOptions = {}): Promise<SandboxProcess> {
    return this.#holder.startOf(descriptionOf(box), command, options);
  }

  /** Runs a command in a sandbox that joins the pod to its end, and collects what it writes. */
  output(
    box: Sandbox,
    command?: Command,
    options: Pick<SpawnOptions, "stdin" | "signal"> = {},
  ): Promise<SandboxOutput> {
    return this.#holder.outputOf(descriptionOf(box), command, options);
  }

  /** Kills the members, and ends the pod. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#holder[Symbol.asyncDispose]();
  }
}

/**
 * Makes namespaces that several sandboxes share, as the containers of a Kubernetes pod do: they
 * reach each other on loopback, have one address and one set of published ports, one host name, and
 * with `pid` see each other's processes. Everything else each member has of its own. Members start
 * and end when they like; the network is set up once, and stays until the pod ends.
 *
 * A process of a few kilobytes holds the namespaces. When it ends, by being disposed of, with the
 * program, or because somebody kills it, all members end.
 *
 * Permissions: `--allow-all`, as for `Sandbox.output`.
 *
 * ```ts
 * import { pod, sandbox } from "@paddock/paddock";
 *
 * await using together = await pod({ hostname: "fern" });
 * const { stdout } = await together.output(sandbox(), ["hostname"]);
 * console.log(new TextDecoder().decode(stdout)); // fern
 * ```
 */
export async function pod(options: PodOptions = {}): Promise<Pod> {
  return new Pod(await Holder.create(options));
}
