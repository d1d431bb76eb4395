import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { timing, type TimingRecord } from "../../hooks/timing.ts";
import { defineHook, HookError, sandbox } from "../../mod.ts";

const pause = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));

Deno.test("timing: each stage's time is where it was spent", async () => {
  const records: TimingRecord[] = [];
  const box = sandbox().use(timing((record) => records.push(record))).use(defineHook({
    name: "slow",
    configure: () => pause(60),
    preMount: () => pause(50),
    networkSetup: () => pause(40),
  }));
  const { usage } = await box.output(["sleep", "0.08"]);
  assertEquals(records.length, 1);
  const { namespaces, mounts, start, command, total } = records[0]!;
  // setTimeout may end a millisecond early.
  assert(namespaces >= 58, `namespaces ${namespaces}`);
  assert(mounts >= 48, `mounts ${mounts}`);
  assert(start >= 38, `start ${start}`);
  assert(command >= 75, `command ${command}`);
  assertEquals(total, usage.wall);
  const sum = namespaces + mounts + start + command;
  assert(Math.abs(sum - total) < 5, `the parts make ${sum}, the whole is ${total}`);
});

Deno.test("timing: one after the other", async () => {
  const records: TimingRecord[] = [];
  const box = sandbox().use(timing((record) => records.push(record)));
  for (let round = 0; round < 3; round++) await box.output(["true"]);
  assertEquals(records.length, 3);
  for (const record of records) {
    for (const [name, time] of Object.entries(record)) assert(time >= 0, `${name} ${time}`);
  }
});

Deno.test("timing: two at a time are refused, and it is usable again after", async () => {
  const box = sandbox().use(timing(() => {}));
  const first = box.output(["sleep", "0.3"]);
  await pause(100);
  const error = await assertRejects(() => box.output(["true"]), HookError);
  assertStringIncludes(error.message, "give each one its own timing()");
  assertEquals((await first).code, 0);
  assertEquals((await box.output(["true"])).code, 0);
});

Deno.test("timing: a launch that fails has no record, and does no harm to the next", async () => {
  const records: TimingRecord[] = [];
  const box = sandbox().use(timing((record) => records.push(record)));
  await assertRejects(() => box.output(["/no/such/program"]));
  assertEquals(records.length, 0);
  await box.output(["true"]);
  assertEquals(records.length, 1);
});

Deno.test("timing: what the report throws is a hook's error and hides no result", async () => {
  const box = sandbox().use(timing(() => {
    throw new Error("boom");
  }));
  const { code, hookErrors } = await box.output(["true"]);
  assertEquals(code, 0);
  assertEquals(hookErrors.map(({ hook }) => hook), ["postStop"]);
});
