/**
 * Runs tests in a virtual machine with another kernel: Debian's, with cgroup v2 only, on x86_64 or
 * on aarch64, emulated in software. Needs apt, dpkg and mke2fs, and the emulator; installs nothing.
 *
 *     deno task test:vm                                    the suites, on x86_64
 *     deno task test:vm tests/integration/mounts_test.ts   these only
 *     deno task test:vm:aarch64
 *     deno task test:vm --user nobody                      as an ordinary user
 *     deno task test:vm --command 'uname -a'               anything, in the checkout
 *
 * What was downloaded and unpacked is kept in `paddock/vm` of the user's cache directory. Remove that
 * for newer packages.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { LaneError } from "./command.ts";
import { disk } from "./disk.ts";
import { initramfs } from "./initramfs.ts";
import { kernel } from "./kernel.ts";
import { type Lane, LANES } from "./lane.ts";
import { boot } from "./machine.ts";
import { Packages } from "./packages.ts";

/** What a machine is to show when nothing is chosen. */
const SUITES = ["tests/agent", "tests/integration", "tests/escape"];

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

async function main(): Promise<number> {
  const options = parseArgs(Deno.args, {
    string: ["arch", "user", "command", "memory", "minutes"],
    boolean: ["verbose"],
    default: { arch: "x86_64", user: "root", memory: "3G", minutes: "15" },
  });
  const lane: Lane | undefined = LANES[options.arch as Lane["arch"]];
  if (!lane) throw new LaneError(`--arch is ${Object.keys(LANES).join(" or ")}`);
  const start = performance.now();
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  const folder = `${cache}/paddock/vm/${lane.arch}`;
  await Deno.mkdir(folder, { recursive: true });
  // Another run may be about to make the same.
  using lock = await Deno.open(`${folder}/lock`, { create: true, write: true });
  await lock.lock(true);
  const packages = new Packages(lane, folder);
  const boots = await kernel(packages, folder);
  const image = await disk(packages, folder);

  const tests = options._.length > 0 ? options._.map(String) : SUITES;
  const command = options.command ??
    `deno test -A --quiet --no-check ${tests.map(quote).join(" ")}`;
  const settings = `LANE_USER=${quote(options.user)}\nLANE_COMMAND=${
    quote(command)
  }\nLANE_PACE=${lane.pace}\n`;
  const first = await initramfs(boots, folder, [
    { path: "copy/etc/paddock-lane", data: new TextEncoder().encode(settings), mode: 0o644 },
  ]);
  await lock.unlock();
  const seconds = () => ((performance.now() - start) / 1000).toFixed(0);
  const prepared = seconds();
  try {
    const { code, late, said } = await boot(lane, boots, { initramfs: first, disk: image }, {
      memory: options.memory,
      cpus: navigator.hardwareConcurrency,
      limit: Number(options.minutes) * 60_000,
      verbose: options.verbose,
    });
    const booted = said.find((word) => word.startsWith("booted")) ?? "did not boot";
    const end = late
      ? `not finished after ${options.minutes} minutes`
      : code === undefined
      ? "ended without a word; --verbose shows the kernel's"
      : `ended with ${code}`;
    console.log(
      `== ${lane.arch} as ${options.user}: ${booted}; prepared in ${prepared} s, all in ${seconds()} s: ${end}`,
    );
    return code ?? 1;
  } finally {
    await Deno.remove(first);
  }
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof LaneError)) throw error;
  console.error(error.message);
  Deno.exit(1);
}
