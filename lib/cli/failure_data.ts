/**
 * A failure as a line of JSON, for programs.
 *
 * @module
 */

import { SandboxError } from "../errors.ts";

/** What programs may want to know of an error; docs/command.md lists it. */
const TOLD = [
  ...["field", "step", "number", "syscall", "request", "errno", "code", "path", "dest", "subject"],
  ...["feature", "plugin", "hook", "image", "entry"],
];

/** What an error is and what it is about, as JSON. A cause tells what it knows better. */
export function failureData(error: unknown, message: string, code: number): string {
  const facts: Record<string, unknown> = {};
  for (let at = error; at instanceof SandboxError; at = at.cause) {
    for (const [name, value] of Object.entries(at)) {
      if (TOLD.includes(name) && value !== undefined) facts[name] = value;
    }
  }
  const name = error instanceof Error ? error.name : "Error";
  return JSON.stringify({ success: false, code, error: { name, message, ...facts } });
}
