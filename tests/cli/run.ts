/**
 * Starts the command line as its user does: as a process of its own.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** The program. */
export const CLI: string = fromFileUrl(new URL("../../cli.ts", import.meta.url));

/** How a run of the command line ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** The arguments for Deno that start `paddock` with these. */
export function cliArgs(args: readonly string[]): string[] {
  return ["run", "-A", "--quiet", CLI, ...args];
}

/** The command line, started; nothing hangs longer than a test should. */
export function start(
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: cliArgs(args),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(30_000),
    ...options,
  }).spawn();
}

/** Runs `paddock` to its end, with this text on its standard input. */
export async function paddock(
  args: readonly string[],
  options: Deno.CommandOptions = {},
  input?: string,
): Promise<Ended> {
  const child = start(args, input === undefined ? options : { ...options, stdin: "piped" });
  if (input !== undefined) await new Blob([input]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Bytes as text. */
export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Runs something with a folder of its own, which is removed afterwards. */
export async function withFolder(
  files: Record<string, string>,
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-cli-" });
  try {
    // Root's sandboxes are not root on the host, and must be able to enter.
    await Deno.chmod(folder, 0o755);
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, content);
    }
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
