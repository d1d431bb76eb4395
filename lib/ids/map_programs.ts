/**
 * newuidmap and newgidmap: the set-uid programs that write id maps of several ids for an ordinary
 * user, as far as `/etc/subuid` and `/etc/subgid` allow. The only programs Paddock calls.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../errors.ts";
import type { IdRange } from "../spec.ts";

async function write(program: string, pid: number, ranges: readonly IdRange[]): Promise<void> {
  const args = [
    String(pid),
    ...ranges.flatMap(({ inside, outside, count = 1 }) => [inside, outside, count].map(String)),
  ];
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    })
      .output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UnsupportedError(
      "id maps of several ids for an ordinary user",
      `${program} is not installed; it is in the package uidmap (Debian) or shadow-utils`,
    );
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim();
  throw new SandboxError(
    `${program} refused the id map: ${
      said || `exit code ${output.code}`
    }; see /etc/subuid and /etc/subgid, and that the caller's group is its primary one`,
  );
}

/** Writes both maps of a process. */
export async function mapByHelper(
  pid: number,
  maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
): Promise<void> {
  await write("newuidmap", pid, maps.uids);
  await write("newgidmap", pid, maps.gids);
}
