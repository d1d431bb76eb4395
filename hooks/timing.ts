/**
 * A plugin that measures how long a launch and its command take, stage by stage.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { timing } from "@paddock/paddock/hooks/timing";
 *
 * const box = sandbox().use(timing((record) => console.table(record)));
 * await box.output(["true"]);
 * ```
 *
 * @module
 */

import { defineHook, type Plugin } from "../mod.ts";

/** Where the time of a launch went, in milliseconds. */
export interface TimingRecord {
  /** From the call until all namespaces and id maps are made; `configure` hooks are in it. */
  readonly namespaces: number;
  /** Until everything is mounted; the other `preMount` hooks are in it. */
  readonly mounts: number;
  /** Until the command runs; the other `networkSetup` hooks are in it. */
  readonly start: number;
  /** From there until the command has ended, and everything inside with it. */
  readonly command: number;
  /** All of it. */
  readonly total: number;
}

/**
 * Measures a launch and hands a record to `report` when it has ended; without `report`, a line goes
 * to standard error. A launch that fails has no record.
 *
 * Watching is not free: the set-up waits at each stage for this program, some tenths of a
 * millisecond each. Hooks do not know which of several launches they are called for, so a plugin
 * measures one launch at a time: a second one that begins before the first has ended is refused.
 * Give each of them a `timing()` of its own.
 */
export function timing(report: (record: TimingRecord) => void = toStandardError): Plugin {
  let under: { namespaces: number; mounts?: number; start?: number } | undefined;
  return defineHook({
    name: "timing",
    preMount: {
      order: "pre",
      handler(ctx) {
        if (under) {
          throw new Error("a launch is being measured already; give each one its own timing()");
        }
        under = { namespaces: performance.now() };
        ctx.defer(() => under = undefined);
      },
    },
    networkSetup: {
      order: "pre",
      handler() {
        under!.mounts = performance.now();
      },
    },
    postStart: {
      order: "pre",
      handler() {
        under!.start = performance.now();
      },
    },
    postStop: {
      order: "pre",
      handler(ctx) {
        const end = performance.now(), total = ctx.usage.wall;
        const { namespaces, mounts = namespaces, start = end } = under!;
        report({
          // `wall` began with the call, which no hook sees.
          namespaces: Math.max(0, total - (end - namespaces)),
          mounts: mounts - namespaces,
          start: start - mounts,
          command: end - start,
          total,
        });
      },
    },
  });
}

function toStandardError(record: TimingRecord): void {
  const parts = Object.entries(record).map(([name, time]) => `${name} ${time.toFixed(1)}`);
  console.error(`timing: ${parts.join(", ")} ms`);
}
