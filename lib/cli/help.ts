/**
 * Printing, and the version.
 *
 * @module
 */

import { writeAll } from "./failure.ts";

/** Prints to standard output. */
export function print(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** The version, as the package says it. */
export async function version(): Promise<string> {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  return config.version;
}
