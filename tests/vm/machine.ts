/**
 * Boots a machine and listens to its console. qemu(1).
 *
 * @module
 */

import { LaneError } from "./command.ts";
import type { Kernel } from "./kernel.ts";
import type { Lane } from "./lane.ts";

/** How a machine ended. */
export interface Ended {
  /** The exit code of its tests; undefined where it never said one. */
  readonly code: number | undefined;
  /** Whether it was ended because its time was over. */
  readonly late: boolean;
  /** The lines that say something about the machine. */
  readonly said: readonly string[];
}

const SAID = /^paddock-vm: (.*)$/;

/** Boots, prints what the console says from the tests' beginning on, and waits for the end. */
export async function boot(
  lane: Lane,
  kernel: Kernel,
  files: { initramfs: string; disk: string },
  options: { memory: string; cpus: number; limit: number; verbose: boolean },
): Promise<Ended> {
  const [program, ...machine] = lane.emulator;
  const args = [
    ...machine,
    // Software, also where the device of the other way seems to be there.
    ...["-accel", "tcg,thread=multi"],
    ...["-smp", String(options.cpus), "-m", options.memory],
    ...["-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-nic", "none"],
    ...["-kernel", kernel.image, "-initrd", files.initramfs],
    // Its writes go to a temporary file, and are gone with the machine.
    ...["-drive", `file=${files.disk},format=raw,if=virtio,snapshot=on`],
    "-append",
    [
      `console=${lane.console}`,
      "panic=-1",
      "cgroup_no_v1=all",
      // The emulator has none of the bugs that these would work around.
      "mitigations=off",
      ...(options.verbose ? [] : ["quiet"]),
      ...lane.commandLine,
    ].join(" "),
  ];
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new LaneError(`${program} is not installed; apt-get install ${lane.emulatorPackage}`);
  }
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    process.kill("SIGKILL");
  }, options.limit);
  const said: string[] = [];
  let started = options.verbose;
  let rest = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines.map((line) => line.replace(/\r$/, ""))) {
      const word = SAID.exec(line)?.[1];
      if (word !== undefined) said.push(word);
      if (word !== undefined) started = true;
      if (started) console.log(line);
    }
  }
  await process.status;
  clearTimeout(timer);
  const end = said.map((word) => /^ended (\d+)$/.exec(word)?.[1]).find((code) => code);
  return { code: end === undefined ? undefined : Number(end), late, said };
}
