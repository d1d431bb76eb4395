/**
 * What a launch takes, beside a plain process and beside the peers that are on the machine.
 *
 * @module
 */

import { pool, sandbox } from "../mod.ts";
import { type Candidate, installed, paired, type Timing } from "./measure.ts";

const BWRAP = [
  "--unshare-all",
  ...["--ro-bind", "/", "/"],
  ...["--dev", "/dev"],
  ...["--proc", "/proc"],
  ...["--tmpfs", "/tmp"],
];

function command(program: string, args: string[]): () => Promise<unknown> {
  return () => new Deno.Command(program, { args }).output();
}

/** Times the default sandbox against what there is. */
export async function benchLaunch(rounds: number): Promise<Timing[]> {
  const candidates: Candidate[] = [
    { name: "paddock", run: () => sandbox().output(["/bin/true"]) },
    { name: "plain process", run: command("/bin/true", []) },
  ];
  if (await installed("bwrap")) {
    candidates.push({ name: "bwrap", run: command("bwrap", [...BWRAP, "/bin/true"]) });
  }
  if (await installed("unshare")) {
    candidates.push({
      name: "unshare",
      run: command("unshare", ["-Urmpfniu", "--mount-proc", "/bin/true"]),
    });
  }
  return await paired(candidates, rounds);
}

/** Times a run of a warm pool, filled before each, against a plain process. */
export async function benchPool(rounds: number): Promise<Timing[]> {
  await using warm = pool(sandbox(), { size: 2 });
  const filled = () => warm.ready();
  return await paired([
    { name: "warm pool", before: filled, run: () => warm.run(["/bin/true"]) },
    { name: "plain process", before: filled, run: command("/bin/true", []) },
  ], rounds);
}

/** Times a further command in a running sandbox against entering its namespaces by nsenter(1). */
export async function benchExec(rounds: number): Promise<Timing[]> {
  if (!await installed("nsenter")) return [];
  await using box = await sandbox().start(["sleep", "600"]);
  const entering = ["-t", String(box.pid), "-U", "-m", "-p", "-n", "-i", "-u", "-C", "/bin/true"];
  return await paired([
    { name: "exec", run: () => box.execOutput(["/bin/true"]) },
    { name: "nsenter", run: command("nsenter", entering) },
  ], rounds);
}

/** Times launches with many read-only binds: the growth should be linear. */
export async function benchBinds(counts: readonly number[], rounds: number): Promise<Timing[]> {
  const timings: Timing[] = [];
  for (const count of counts) {
    const targets = Array.from({ length: count }, (_, index) => `/binds/${index}`);
    const box = targets.reduce((box, target) => box.bind("/etc/hostname", target), sandbox());
    const args = [
      ...BWRAP,
      ...targets.flatMap((target) => ["--ro-bind", "/etc/hostname", `/tmp${target}`]),
    ];
    const candidates = [{ name: `paddock, ${count} binds`, run: () => box.output(["/bin/true"]) }];
    if (await installed("bwrap")) {
      candidates.push({
        name: `bwrap, ${count} binds`,
        run: command("bwrap", [...args, "/bin/true"]) as () => ReturnType<typeof box.output>,
      });
    }
    timings.push(...await paired(candidates, rounds, 1));
  }
  return timings;
}
