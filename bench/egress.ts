/**
 * A process with one allowed name, beside npm's sandbox-runtime with the same rule.
 *
 * @module
 */

import { installed, paired, type Timing } from "./measure.ts";

const CLI = new URL("../cli.ts", import.meta.url).pathname;
const PEER = "@anthropic-ai/sandbox-runtime";
const NAME = "example.com";

const SETTINGS = {
  network: { allowedDomains: [NAME], deniedDomains: [] },
  filesystem: { denyRead: [], allowWrite: ["/tmp"], denyWrite: [] },
};

/** Installs the peer into a folder: whether it is there now, and runs. */
async function install(folder: string): Promise<boolean> {
  for (const program of ["npm", "bwrap", "rg"]) if (!await installed(program)) return false;
  // It has no --version.
  if (
    !await new Deno.Command("sh", { args: ["-c", "command -v socat"] }).output().then((it) =>
      it.success
    )
  ) {
    return false;
  }
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--no-fund", "--no-audit", "--prefix", folder, PEER],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

/**
 * Times `true` with one allowed name, both as whole processes, in turns. Nothing if the peer cannot
 * be installed here: it takes npm, and Debian's bubblewrap, socat and ripgrep.
 */
export async function benchEgress(rounds: number): Promise<Timing[] | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-bench-" });
  try {
    if (!await install(folder)) return undefined;
    const settings = `${folder}/settings.json`;
    await Deno.writeTextFile(settings, JSON.stringify(SETTINGS));
    const run = (command: string, args: string[]) => async () => {
      const { success, stderr } = await new Deno.Command(command, { args, cwd: folder }).output();
      if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
    };
    return await paired([
      {
        name: "paddock --allow-domain",
        run: run(Deno.execPath(), ["run", "-A", CLI, "run", "--allow-domain", NAME, "--", "true"]),
      },
      { name: "srt", run: run(`${folder}/node_modules/.bin/srt`, ["-s", settings, "true"]) },
    ], rounds);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
