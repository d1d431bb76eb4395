/**
 * The part of `@std/cli` that this project uses, in plain TypeScript: it is on the start-up path.
 *
 * @example
 * ```ts
 * import { parseArgs } from "@std/cli";
 *
 * parseArgs(["-v", "--name", "box", "run"], { boolean: ["v"], string: ["name"] });
 * // { v: true, name: "box", _: ["run"] }
 * ```
 *
 * @module
 */

export * from "./parse_args.ts";
export * from "./unicode_width.ts";
