/**
 * Runs the hooks of a launch: in order, one at a time, each within its time; and their deferred
 * clean-ups, last in first out, whatever happened.
 *
 * @module
 */

import { HookError, SpecError } from "../errors.ts";
import type { Hook, HookContext, Plugin, Stage } from "../hook.ts";
import { parseDuration } from "../quantity.ts";

const DEFAULT_TIMEOUT = 30_000;

interface Ready {
  plugin: string;
  handler: (context: unknown) => unknown;
  timeout: number;
}

/** The hooks of a stage: "pre", then plain, then "post", each in the order of registration. */
function ordered(plugins: readonly Plugin[], stage: Stage): Ready[] {
  const groups: Record<string, Ready[]> = { pre: [], plain: [], post: [] };
  for (const plugin of plugins) {
    const hook = plugin[stage] as Hook<unknown> | undefined;
    if (hook === undefined) continue;
    const full = typeof hook === "function" ? { handler: hook } : hook;
    groups[full.order ?? "plain"]!.push({
      plugin: plugin.name,
      handler: full.handler.bind(plugin),
      timeout: full.timeout === undefined || full.timeout === Infinity
        ? full.timeout ?? DEFAULT_TIMEOUT
        : parseDuration(full.timeout, `plugin "${plugin.name}".${stage}.timeout`),
    });
  }
  return [...groups.pre!, ...groups.plain!, ...groups.post!];
}

let launches = 0;

/** What every hook is given, but for the description. */
type BaseContext = Pick<HookContext, "launch" | "signal" | "defer" | "report">;

/** The hooks of one launch and what they want cleaned up. */
export class HookRunner {
  #plugins: readonly Plugin[];
  readonly #deferred: { plugin: string; cleanup: () => unknown }[] = [];
  /** Made when a hook first wants it: most launches have none. */
  #end: AbortController | undefined;

  readonly #launch = ++launches;
  /** What plugins have to say with the result, by their names. */
  readonly reports: Record<string, unknown> = {};

  /** Is told of each hook that has ended, and what it took in milliseconds. */
  onEnd?: (plugin: string, stage: Stage, took: number) => void;

  /** Takes the plugins in the order of their registration. */
  constructor(plugins: readonly Plugin[]) {
    this.#plugins = plugins;
  }

  /** Puts plugins before all others. Their `configure` has been done. */
  addFirst(plugins: readonly Plugin[]): void {
    for (const { name } of plugins) {
      if (!this.#plugins.some((plugin) => plugin.name === name)) continue;
      throw new SpecError("network", `there is a plugin "${name}" already; use one or the other`);
    }
    this.#plugins = [...plugins, ...this.#plugins];
  }

  /** Whether any plugin has this stage. */
  has(stage: Stage): boolean {
    return this.#plugins.some((plugin) => plugin[stage] !== undefined);
  }

  /**
   * Runs a stage. `context` makes what a hook is given from what all hooks are given; `each` gets
   * what a hook returned. The first that fails or takes too long ends it with a `HookError`.
   */
  async run<Context>(
    stage: Stage,
    context: (base: BaseContext) => Context,
    each?: (returned: unknown) => void,
  ): Promise<void> {
    for (const hook of ordered(this.#plugins, stage)) {
      const over = new AbortController();
      const begin = performance.now();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        if (hook.timeout === Infinity) return;
        timer = setTimeout(() => {
          const error = new DOMException(`it took longer than ${hook.timeout} ms`, "TimeoutError");
          over.abort(error);
          reject(error);
        }, hook.timeout);
      });
      try {
        const base = {
          signal: AbortSignal.any([(this.#end ??= new AbortController()).signal, over.signal]),
          launch: this.#launch,
          defer: (cleanup: () => unknown) => {
            this.#deferred.push({ plugin: hook.plugin, cleanup });
          },
          report: (value: unknown) => {
            this.reports[hook.plugin] = value;
          },
        };
        // Not as the argument of `each?.()`, which would not be evaluated without an `each`.
        const returned = await Promise.race([hook.handler(context(base)), late]);
        each?.(returned);
      } catch (cause) {
        throw new HookError(hook.plugin, stage, cause);
      } finally {
        clearTimeout(timer);
        this.onEnd?.(hook.plugin, stage, performance.now() - begin);
      }
    }
  }

  /** Registers a clean-up of the launch's own. */
  defer(name: string, cleanup: () => unknown): void {
    this.#deferred.push({ plugin: name, cleanup });
  }

  /** The plugins that want something cleaned up. */
  get cleaners(): string[] {
    const names = new Set(this.#plugins.map(({ name }) => name));
    return [...new Set(this.#deferred.map(({ plugin }) => plugin))].filter((one) => names.has(one));
  }

  /** Aborts what still listens and runs the clean-ups. Resolves to what they threw. */
  async end(): Promise<HookError[]> {
    const errors: HookError[] = [];
    this.#end?.abort();
    for (;;) {
      const entry = this.#deferred.pop();
      if (entry === undefined) return errors;
      try {
        await entry.cleanup();
      } catch (cause) {
        errors.push(new HookError(entry.plugin, "defer", cause));
      }
    }
  }
}
