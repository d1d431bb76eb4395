/** `--trace`: the lines, and that the command's own output is untouched. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { traceLines } from "../../lib/cli/trace.ts";
import { paddock, withFolder } from "./run.ts";

Deno.test("steps, hooks and the start are in the order of time, with the time since the one before", () => {
  const lines = traceLines([
    { kind: "step", number: 2, phase: "mounts", sentence: "mount it", at: 9 },
    { kind: "step", number: 1, phase: "maps", sentence: "map ids", at: 1.5 },
    { kind: "hook", plugin: "slow", stage: "preMount", at: 8.75, took: 7 },
    { kind: "started", at: 10 },
  ], (line) => `*${line}`);
  assertEquals(lines, [
    "     1.50      1.50    1. map ids",
    '*     8.75      7.25       plugin "slow", preMount: took 7.00 ms',
    "     9.00      0.25    2. mount it",
    "    10.00      1.00       the command runs",
  ]);
});

Deno.test("--trace prints them behind what the command says, and before an error", async () => {
  const { code, stdout, stderr } = await paddock([
    "run",
    "--trace",
    "--",
    "sh",
    "-c",
    "echo out; echo err >&2; exit 3",
  ]);
  assertEquals([code, stdout], [3, "out\n"]);
  assert(stderr.startsWith("err\n"), stderr);
  assertMatch(stderr, /^ +[\d.]+ +[\d.]+ +\d+\. set the hostname to "paddock"$/m);
  assertMatch(stderr, /^ +[\d.]+ +[\d.]+ +the command runs$/m);
  const failed = await paddock(["run", "--trace", "--cwd", "/no/such/place", "--", "true"]);
  assertEquals(failed.code, 125);
  assertMatch(failed.stderr.trim().split("\n").at(-1)!, /^paddock: step \d+, go to the directory/);
  assertStringIncludes(failed.stderr, "set the hostname");
});

Deno.test("--trace tells what a hook took, and does not go with --detach", async () => {
  const hook =
    `export default { name: "slow", preMount: () => new Promise((r) => setTimeout(r, 40)) };`;
  await withFolder({ "hook.ts": hook }, async (folder) => {
    const { stderr } = await paddock(["run", "--trace", "--hook", `${folder}/hook.ts`, "true"]);
    const [, took] = /plugin "slow", preMount: took ([\d.]+) ms$/m.exec(stderr) ?? [];
    assert(Number(took) >= 38, stderr);
  });
  const detached = await paddock(["run", "--trace", "--detach", "true"]);
  assertEquals(detached.code, 125);
  assertStringIncludes(detached.stderr, "--trace: is for a command in the foreground");
});
