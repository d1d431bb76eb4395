/** Where the time of a launch goes, and what another plugin adds to it. */
import { timing, type TimingRecord } from "../hooks/timing.ts"; // "jsr:@paddock/paddock/hooks/timing"
import { defineHook, sandbox } from "../mod.ts"; // "jsr:@paddock/paddock"

const records: TimingRecord[] = [];
const box = sandbox().use(timing((record) => records.push(record)));
const slow = defineHook({
  name: "slow",
  networkSetup: () => new Promise((resolve) => setTimeout(resolve, 50)),
});

await box.output(["true"]); // the first launch of a program starts its agent, too
await box.output(["true"]);
await box.use(slow).output(["true"]);

const [, plain, slowed] = records;
console.log("a launch:", Object.keys(plain!).join(", "));
console.log("the plugin took its time before the start:", slowed!.start - plain!.start > 40);
