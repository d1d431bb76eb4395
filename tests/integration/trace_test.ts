/** A launch that is watched tells of each of its steps and hooks, and is the same launch. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { defineHook, type Sandbox, sandbox, StepError, type Traced } from "../../mod.ts";
import { text } from "./support.ts";

type TracedStep = Extract<Traced, { kind: "step" }>;

async function traceOf(box: Sandbox): Promise<{ all: Traced[]; steps: TracedStep[] }> {
  const all: Traced[] = [];
  const { code, stdout } = await box.output(["echo", "done"], { onTrace: (it) => all.push(it) });
  assertEquals([code, text(stdout)], [0, "done\n"]);
  return { all, steps: all.filter((it) => it.kind === "step") };
}

/** What tells nothing: the clone, for there is nobody yet, and what has to pass the filter. */
function told(box: Sandbox): number[] {
  return box.plan(["echo", "done"]).steps
    .filter(({ name, phase }) => name !== "clone" && phase !== "execute" && phase !== "attach")
    .map(({ number }) => number);
}

for (
  const [name, box] of [
    ["the default sandbox", sandbox()],
    ["one with a time namespace", sandbox().timeOffset({ boottime: "10d" })],
    ["one whose command is pid 1", sandbox().asPid1()],
    ["one that shares most", sandbox().share("net", "ipc", "uts", "cgroup")],
  ] as const
) {
  Deno.test(`each step is told of: ${name}`, async () => {
    const { steps, all } = await traceOf(box);
    const numbers = steps.map(({ number }) => number).sort((one, other) => one - other);
    assertEquals(numbers, told(box));
    const plan = box.plan(["echo", "done"]).steps;
    for (const { number, sentence, at } of steps) {
      assertEquals(sentence, plan[number - 1]!.sentence);
      assert(at > 0 && at < 60_000, `${sentence}: ${at}`);
    }
    const started = all.find(({ kind }) => kind === "started")!;
    const last = Math.max(...steps.map(({ at }) => at));
    // Told by another process, which may be a moment later.
    assert(started.at >= last - 1, `${started.at} is before ${last}`);
  });
}

Deno.test("hooks are told of with what they took, also with what they add to the plan", async () => {
  const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 30));
  const box = sandbox().use(defineHook({
    name: "slow",
    configure: () => {},
    async preMount(ctx) {
      ctx.addMount({ kind: "tmpfs", target: "/scratch" });
      await pause();
    },
    networkSetup: () => {},
    postStart: () => {},
  }));
  const { all, steps } = await traceOf(box);
  const hooks = all.filter((it) => it.kind === "hook");
  assertEquals(hooks.map(({ stage }) => stage), [
    "configure",
    "preMount",
    "networkSetup",
    "postStart",
  ]);
  assert(hooks[1]!.took >= 28, `${hooks[1]!.took}`);
  const scratch = steps.find(({ sentence }) => sentence.includes("/scratch"))!;
  assert(scratch.at >= hooks[1]!.at - 1);
});

Deno.test("a launch that fails has told what came before", async () => {
  const all: Traced[] = [];
  const box = sandbox().cwd("/no/such/place");
  const error = await assertRejects(
    () => box.output(["true"], { onTrace: (it) => all.push(it) }),
    StepError,
  );
  const last = all.filter((it) => it.kind === "step").at(-1)!;
  assert(box.plan().steps[last.number]!.name === error.step, `${last.sentence}; ${error.step}`);
});

Deno.test("nothing of it is kept: the next launch is not watched", async () => {
  const box = sandbox();
  const { all } = await traceOf(box);
  const count = all.length;
  assertEquals((await box.output(["true"])).code, 0);
  assertEquals(all.length, count);
});
