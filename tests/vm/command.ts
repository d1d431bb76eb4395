/**
 * Programs that the lane needs on the machine that runs it.
 *
 * @module
 */

/** A reason for which the lane cannot run here, in one line. */
export class LaneError extends Error {
  override name = "LaneError";
}

/** Runs a program to its end, which must be a good one: what it wrote. */
export async function run(
  program: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd?: string; package?: string } = {},
): Promise<string> {
  const { package: from = program, ...rest } = options;
  const command = new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...rest,
  });
  const { success, code, stdout, stderr } = await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new LaneError(`${program} is not installed; apt-get install ${from}`);
  });
  const text = new TextDecoder();
  if (!success) {
    throw new LaneError(
      `${program} ${args.join(" ")}: exit code ${code}: ${text.decode(stderr).trim()}`,
    );
  }
  return text.decode(stdout);
}

/**
 * How to run a shell script as root of files: as an ordinary user in a user namespace, so that what
 * it unpacks or makes has the owner 0.
 */
export function asFileRoot(script: string, ...args: string[]): [string, string[]] {
  const shell = ["sh", "-euc", script, "sh", ...args];
  return Deno.uid() === 0 ? [shell[0]!, shell.slice(1)] : ["unshare", ["-r", ...shell]];
}

/** Whether there is something at a path. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
