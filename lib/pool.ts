/**
 * A warm pool: sandboxes built up to their command.
 *
 * @module
 */

import { checkKeys } from "./known_keys.ts";
import { Pool, type PoolOptions } from "./run/pool.ts";
import { descriptionOf, type Sandbox } from "./sandbox.ts";

/**
 * Keeps sandboxes of one kind built up to the last step before their command: namespaces, mounts,
 * hooks before the start, identity, filter. A run then takes as long as the command itself. Each is
 * used once, and another is built in the background when its command has ended. Those that wait
 * take some kilobytes, do not keep the program alive, and end with it.
 *
 * A sandbox sees what was on the host when it was built: files that are bound are always the
 * present ones, but what is mounted on the host later is not seen. Time limits count from the run.
 *
 * Permissions: `--allow-all`, as for `Sandbox.output`.
 *
 * ```ts
 * import { pool, sandbox } from "@paddock/paddock";
 *
 * await using warm = pool(sandbox().timeout("5s"), { size: 2 });
 * const { stdout } = await warm.run(["sh", "-c", "echo $WHO"], { env: { WHO: "you" } });
 * console.log(new TextDecoder().decode(stdout)); // you
 * ```
 */
export function pool(box: Sandbox, options: PoolOptions = {}): Pool {
  checkKeys(options, "pool", ["size"]);
  const { spec, plugins, handler } = descriptionOf(box);
  return new Pool(spec, plugins, handler, options);
}
