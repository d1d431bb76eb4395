import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { defineHook, pool, sandbox, SpecError, StepError } from "../../mod.ts";
import { supervisor } from "../../lib/run/supervisor.ts";
import { inFolder, lines, openDescriptors, runProgram, text, until } from "./support.ts";

/** The agent's children. */
function ofAgent(): number[] {
  const agent = supervisor().agent.pid;
  return Deno.readTextFileSync(`/proc/${agent}/task/${agent}/children`).split(" ")
    .filter(Boolean).map(Number);
}

Deno.test("a pool gives each command a sandbox of its own, built before", async () => {
  await using warm = pool(sandbox().hostname("fern"), { size: 3 });
  await warm.ready();
  assertEquals(warm.idle, 3);
  const seen = new Set<string>();
  for (let turn = 0; turn < 8; turn++) {
    const { stdout, stderr, code } = await warm.run([
      "sh",
      "-c",
      "ls /tmp; touch /tmp/mine; uname -n; readlink /proc/self/ns/net",
    ]);
    assertEquals([code, text(stderr)], [0, ""]);
    const [name, net, ...more] = lines(text(stdout));
    assertEquals([name, more], ["fern", []], "nothing is left of the one before");
    seen.add(net!);
  }
  assert(seen.size > 1, `${[...seen]}`);
  assert(await until(() => warm.idle === 3), "it fills itself");
});

Deno.test("a pooled command has the privileges, limits and streams of any other", async () => {
  await using warm = pool(sandbox().rlimit("nofile", 99).umask(0o77).cwd("/tmp"));
  const script = "grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; ulimit -n; umask; pwd; " +
    "ls /proc/self/fd | wc -l; cat; echo oops >&2; exit 7";
  const direct = await sandbox().rlimit("nofile", 99).umask(0o77).cwd("/tmp")
    .output(["sh", "-c", script]);
  const pooled = await warm.run(["sh", "-c", script]);
  assertEquals([pooled.code, text(pooled.stderr)], [7, "oops\n"]);
  assertEquals(text(pooled.stdout), text(direct.stdout));
});

Deno.test("what a run is given: variables, standard input, bytes", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/in`, "from a file");
    await using warm = pool(sandbox().env("A", "1").env("B", "2"));
    const { stdout } = await warm.run(["sh", "-c", 'echo "$A$B$C"; cat'], {
      env: { B: "two", C: new Uint8Array([0xc3, 0xa9]) },
      stdin: { file: `${folder}/in` },
    });
    assertEquals(text(stdout), "1twoé\nfrom a file");
    // The next one has the sandbox's own again.
    assertEquals(text((await warm.run(["sh", "-c", 'echo "$A$B$C"'])).stdout), "12\n");
  }));

Deno.test("more runs than the pool holds are built as they come", async () => {
  await using warm = pool(sandbox(), { size: 2 });
  const results = await Promise.all(
    Array.from({ length: 12 }, (_, turn) => warm.run(["echo", `${turn}`])),
  );
  assertEquals(results.map(({ stdout }) => text(stdout)), results.map((_, turn) => `${turn}\n`));
});

Deno.test("errors of a pooled command are those of any other", async () => {
  await using warm = pool(sandbox().timeout("1500ms"), { size: 2 });
  await warm.ready();
  const missing = await assertRejects(() => warm.run(["no-such-program"]), StepError);
  assertEquals(missing.step, "execute");
  // The time counts from the run, however long it has waited.
  await new Promise((done) => setTimeout(done, 1600));
  assertEquals((await warm.run(["true"])).timedOut, false);
  const { timedOut, signal } = await warm.run(["sleep", "60"]);
  assertEquals([timedOut, signal], [true, "SIGKILL"]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 50);
  const error = await assertRejects(() => warm.run(["sleep", "60"], { signal: controller.signal }));
  assertEquals((error as Error).message, "enough");
  await assertRejects(() => warm.run([]), SpecError);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => warm.run(["cat"], { stdin: "piped" as any }), SpecError);
  assertEquals((await warm.run(["true"])).code, 0);
});

Deno.test("what cannot be pooled is said at once; what cannot be built, when it is wanted", async () => {
  for (const size of [0, -1, 1.5, 5000]) {
    assertEquals(assertThrows(() => pool(sandbox(), { size }), SpecError).field, "size");
  }
  assertEquals(assertThrows(() => pool(sandbox().tty()), SpecError).field, "tty");
  assertEquals(assertThrows(() => pool(sandbox().asPid1()), SpecError).field, "asPid1");
  await using broken = pool(sandbox().bind("/no/such/place", "/x"));
  await assertRejects(() => broken.ready(), StepError);
  assertInstanceOf(await assertRejects(() => broken.run(["true"])), StepError);
});

Deno.test("hooks run when a sandbox is built, and when its command runs", async () => {
  const log: string[] = [];
  const plugin = defineHook({
    name: "log",
    preMount: (ctx) => {
      log.push("preMount");
      ctx.addMount({ kind: "file", target: "/hooked", contents: "yes" });
      ctx.defer(() => log.push("deferred"));
    },
    networkSetup: () => void log.push("networkSetup"),
    postStart: () => void log.push("postStart"),
    postStop: () => void log.push("postStop"),
  });
  {
    await using warm = pool(sandbox().use(plugin));
    await warm.ready();
    assertEquals(log, ["preMount", "networkSetup"]);
    assertEquals(text((await warm.run(["cat", "/hooked"])).stdout), "yes");
    assertEquals(log.slice(2, 5), ["postStart", "postStop", "deferred"]);
    await warm.ready();
  }
  assertEquals(log.slice(5), ["preMount", "networkSetup", "deferred"]);
});

Deno.test("a waiting sandbox that is killed is not used; a closed pool leaves nothing", async () => {
  await sandbox().output(["true"]);
  const before = openDescriptors();
  assert(await until(() => ofAgent().length === 0));
  {
    await using warm = pool(sandbox(), { size: 3 });
    await warm.ready();
    for (const pid of ofAgent()) Deno.kill(pid, "SIGKILL");
    assert(await until(() => ofAgent().length === 0));
    assertEquals(text((await warm.run(["echo", "well"])).stdout), "well\n");
    await warm.ready();
    assertEquals(warm.idle, 3);
  }
  assert(await until(() => openDescriptors() <= before), `${before}, then ${openDescriptors()}`);
  assert(await until(() => ofAgent().length === 0));
  const closed = pool(sandbox());
  await closed[Symbol.asyncDispose]();
  await assertRejects(() => closed.run(["true"]), TypeError);
});

Deno.test("waiting sandboxes do not keep a program alive, and end with it", async () => {
  const { code, stdout, stderr } = await runProgram(`
    import { pool } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
    const warm = pool(sandbox(), { size: 2 });
    await warm.ready();
    const { stdout } = await warm.run(["echo", "done"]);
    await Deno.stdout.write(stdout);
  `);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "done\n", stderr: "" });
});
