/**
 * For the tests of plugins: {@linkcode rehearse} plays a launch without privileges and writes down
 * what a plugin does; {@linkcode trial} runs it with a real sandbox and says what it leaves behind.
 *
 * ```ts
 * import { timing } from "@paddock/paddock/hooks/timing";
 * import { rehearse } from "@paddock/paddock/testing";
 *
 * const { errors, mounts } = await rehearse(timing(() => {}));
 * console.log(errors.length, mounts.length); // 0 0
 * ```
 *
 * @module
 */

export { rehearse } from "./rehearsal.ts";
export type { Rehearsal, RehearsalOptions } from "./rehearsal.ts";
export type { RecordedCall } from "./recorder.ts";
export { trial } from "./trial.ts";
export type { Trial, TrialOptions } from "./trial.ts";
