/**
 * How the command line tells that something failed: one line, and an exit code. Loaded only when
 * something did.
 *
 * @module
 */

import { SandboxError, StepError, SyscallError, TimeoutError } from "../errors.ts";
import type { CliContext } from "./command.ts";

/** The exit codes of paddock itself; all others are the command's. */
export const EXIT = { timedOut: 124, failed: 125, notExecutable: 126, notFound: 127 } as const;

/** The exit code for an error; of output that nobody reads any more, that of SIGPIPE. */
export function exitCode(error: unknown): number {
  if (error instanceof Deno.errors.BrokenPipe) return 128 + 13;
  if (error instanceof TimeoutError) return EXIT.timedOut;
  if (!(error instanceof StepError) || error.step !== "execute") return EXIT.failed;
  const found = !(error.cause instanceof SyscallError && error.cause.code === "ENOENT");
  return found ? EXIT.notExecutable : EXIT.notFound;
}

/** What an error says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** An error as one line, whatever is in it. */
export function oneLine(error: unknown, words: (error: unknown) => string = textOf): string {
  const text = words(error);
  // A class that is not ours says what kind of mistake it is, e.g. a SyntaxError in a hook's module.
  const kind = error instanceof Error && !(error instanceof SandboxError) && error.name !== "Error"
    ? `${error.name}: `
    : "";
  // deno-lint-ignore no-control-regex
  return `${kind}${text}`.replace(/\s*\n\s*/g, " ").replace(/[\x00-\x1f\x7f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** Writes a line to standard error. */
export function complain(line: string): void {
  try {
    writeAll(Deno.stderr, `${line}\n`);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Writes all of a text at once, synchronously: the program may be about to end. */
export function writeAll(
  to: { writeSync(bytes: Uint8Array): number },
  data: string | Uint8Array,
): void {
  let bytes: Uint8Array = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}

/** Whether the arguments ask for JSON, as far as one can tell when they could not be read. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).includes("--json");
}

/** Tells of an error: one line, of text or JSON, and with `debug` where it comes from. */
export async function report(
  error: unknown,
  context: CliContext,
  args: readonly string[],
): Promise<void> {
  // As with `paddock doctor | head`, and no failure.
  if (error instanceof Deno.errors.BrokenPipe) return;
  const { debug, words, json = asksForJson(args) } = context;
  const line = oneLine(error, words);
  complain(
    json
      ? (await import("./failure_data.ts")).failureData(error, line, exitCode(error))
      : `paddock: ${line}`,
  );
  for (let at = error; debug && at instanceof Error; at = at.cause) complain(at.stack ?? at.name);
}
