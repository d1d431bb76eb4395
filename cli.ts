/**
 * The `paddock` command: arguments in, exit code out. The commands are in `lib/cli/`.
 *
 * @module
 */

import { main } from "./lib/cli/main.ts";

export { main };

if (import.meta.main) Deno.exit(await main(Deno.args));
