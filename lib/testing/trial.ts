/**
 * Runs a plugin with a real sandbox, and looks at what it leaves.
 *
 * @module
 */

import type { Plugin } from "../hook.ts";
import { checkKeys } from "../known_keys.ts";
import type { SandboxOutput } from "../run/child.ts";
import type { Command } from "../run/run.ts";
import { discardSpares } from "../run/spares.ts";
import { type Sandbox, sandbox } from "../sandbox.ts";

/** What a trial is made with. */
export interface TrialOptions {
  /** The sandbox that the plugin is used with. Default: `sandbox()`, with a time limit of a minute. */
  readonly box?: Sandbox;
}

/** How a trial ended. */
export interface Trial extends Omit<SandboxOutput, "stdout" | "stderr"> {
  /** What the command wrote, as text. */
  readonly stdout: string;
  /** And to its standard error. */
  readonly stderr: string;
  /**
   * What is there that was not there before: `"descriptor 12: /tmp/x"`, `"mount /mnt"`, `"device
   * veth0"`. Of this program's descriptors, and of the host's mounts and network devices.
   */
  readonly left: readonly string[];
}

/** How long what the kernel removes in its own time may take, in milliseconds. */
const PATIENCE = 2000;

/** Ends what the library has made for a next launch, which is not the plugin's. */
async function withoutSpares(): Promise<void> {
  while (discardSpares() > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Everything that a plugin could leave behind and that can be seen without privileges. */
function present(): Set<string> {
  const found = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      found.add(`descriptor ${name}: ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`);
    } catch { /* the one that the directory was read by */ }
  }
  for (const line of Deno.readTextFileSync("/proc/self/mountinfo").split("\n")) {
    const place = line.split(" ")[4];
    if (place !== undefined) found.add(`mount ${place}`);
  }
  for (const line of Deno.readTextFileSync("/proc/self/net/dev").split("\n").slice(2)) {
    const name = line.split(":")[0]!.trim();
    if (name !== "") found.add(`device ${name}`);
  }
  return found;
}

/**
 * Runs a command in a sandbox with the plugin, to its end, and says what the plugin left. One at a
 * time: what others do meanwhile would be taken for the plugin's.
 *
 * ```ts
 * import { hosts } from "@paddock/paddock/hooks/hosts";
 * import { trial } from "@paddock/paddock/testing";
 *
 * const { stdout, left } = await trial(hosts({ db: "10.0.0.2" }), ["getent", "hosts", "db"]);
 * console.log(stdout.trim(), left.length); // 10.0.0.2        db 0
 * ```
 *
 * Errors: those of `Sandbox.output`.
 */
export async function trial(
  plugin: Plugin,
  command: Command,
  options: TrialOptions = {},
): Promise<Trial> {
  checkKeys(options, "trial", ["box"]);
  const { box = sandbox().timeout("1m") } = options;
  // What a program's first launch opens stays open for the next one.
  await box.output(["true"]).catch(() => {});
  await withoutSpares();
  const before = present();
  const output = await box.use(plugin).output(command);
  await withoutSpares();
  const decoder = new TextDecoder();
  const left = () => [...present()].filter((entry) => !before.has(entry));
  const end = performance.now() + PATIENCE;
  while (left().length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    // On a busy machine the next launch's process may have been made only now.
    await withoutSpares();
  }
  return {
    ...output,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
    left: left(),
  };
}
