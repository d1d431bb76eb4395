/**
 * Three programs in sandboxes of 64 MiB, 20 processes and a quarter of a processor: one is within its
 * limits, one is not, and one is watched, frozen and given more while it runs.
 *
 *     deno run -A examples/limits.ts
 *
 * @module
 */

import { sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const MEBIBYTE = 1024 * 1024;
const box = sandbox().limits({ memory: "64M", pids: 20, cpus: 0.25 }).timeout("20s");

for (const mebibytes of [16, 1024]) {
  const eater = `my $x = "x" x ${mebibytes * MEBIBYTE}; print "ate it"`;
  const { stdout, oomKilled, signal, usage } = await box.output(["perl", "-e", eater]);
  const said = new TextDecoder().decode(stdout) || `killed by ${signal}`;
  const peak = usage.memoryPeak === undefined ? "?" : (usage.memoryPeak / MEBIBYTE).toFixed(0);
  console.log(`${mebibytes} MiB: ${said}, memory ended: ${oomKilled}, at most ${peak} MiB`);
}

await using child = await box.spawn(["sh", "-c", "while :; do :; done"], { stdin: "null" });
const cgroup = child.cgroup!;
const used = async () => {
  const before = cgroup.statistics().cpu!.total;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return (cgroup.statistics().cpu!.total - before) / 1000;
};
console.log(`busy: ${(await used()).toFixed(2)} of a processor`);
await cgroup.freeze();
console.log(`frozen: ${(await used()).toFixed(2)} of a processor`);
await cgroup.thaw();
cgroup.update({ cpus: 0.75 });
console.log(`with more: ${(await used()).toFixed(2)} of a processor`);
