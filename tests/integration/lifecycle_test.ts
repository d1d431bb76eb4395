import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { Sandbox, sandbox, SandboxError } from "../../mod.ts";
import {
  openDescriptors,
  PACE,
  processesWith,
  program,
  run,
  runProgram,
  text,
  until,
  wait,
} from "./support.ts";

const box = sandbox();
const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
let tags = 0;

/** A number of seconds to sleep that no other process has in its command line. */
function tag(): string {
  return `${1000 + tags++}.${Deno.pid}1`;
}

Deno.test("timeout() ends a command that ignores SIGTERM, with all it started", async () => {
  const mark = tag();
  const started = performance.now();
  const { timedOut, signal, code, success } = await box.timeout(1000 * PACE).output([
    "sh",
    "-c",
    `trap '' TERM INT HUP; sleep ${mark} & sleep ${mark}; sleep ${mark}`,
  ]);
  const took = performance.now() - started;
  assertEquals({ timedOut, signal, code, success }, {
    timedOut: true,
    signal: "SIGKILL",
    code: 137,
    success: false,
  });
  assert(took >= 990 * PACE && took < 5000 * PACE, `${took} ms`);
  assertEquals(processesWith(mark), []);
});

Deno.test("timeout() that is not reached changes nothing, and does not hold the program up", async () => {
  const { timedOut, code } = await box.timeout("1h").output(["sh", "-c", "exit 3"]);
  assertEquals({ timedOut, code }, { timedOut: false, code: 3 });
});

Deno.test("a timeout keeps what was written so far", async () => {
  const { timedOut, stdout } = await box.timeout(1000 * PACE).output([
    "sh",
    "-c",
    "echo before; sleep 60",
  ]);
  assertEquals([timedOut, text(stdout)], [true, "before\n"]);
});

Deno.test("a daemonised grandchild is gone when output() has resolved", async () => {
  const mark = tag();
  const output = await run(box, [
    "sh",
    "-c",
    `(setsid sleep ${mark} > /dev/null 2>&1 < /dev/null &) ; echo started`,
  ]);
  assertEquals(output, "started\n");
  assertEquals(processesWith(mark), []);
});

Deno.test("a daemon that keeps the pipes does not keep output() waiting", async () => {
  const mark = tag();
  const started = performance.now();
  assertEquals(await run(box, ["sh", "-c", `setsid sleep ${mark} & echo started`]), "started\n");
  assert(performance.now() - started < 2000);
  assertEquals(processesWith(mark), []);
});

Deno.test("pid 1 reaps orphans", async () => {
  // Each inner shell leaves an orphan that ends at once; none may stay a zombie.
  const script = `
    for n in 1 2 3 4 5 6 7 8 9 10; do (sh -c 'true' &); done
    sleep 0.2
    for p in /proc/[0-9]*; do grep -H '^State:.*Z' $p/status 2> /dev/null; done
    echo end`;
  assertEquals(await run(box, ["sh", "-c", script]), "end\n");
});

Deno.test("the exit of the command ends the sandbox though its children run", async () => {
  const mark = tag();
  const child = await box.spawn(["sh", "-c", `sleep ${mark} & exit 5`], quiet);
  assertEquals((await child.status).code, 5);
  assertEquals(processesWith(mark), []);
});

Deno.test("kill() sends a signal, by default SIGTERM; afterwards it is a TypeError", async () => {
  const child = await box.spawn(["sleep", "60"], quiet);
  child.kill();
  assertEquals((await child.status).signal, "SIGTERM");
  assertThrows(() => child.kill(), TypeError);
  const other = await box.spawn(
    ["sh", "-c", "trap 'exit 9' USR1; echo ready; while :; do sleep 0.01; done"],
    { ...quiet, stdout: "piped" },
  );
  const reader = other.stdout.getReader();
  await reader.read();
  other.kill("SIGUSR1");
  assertEquals((await other.status).code, 9);
  // deno-lint-ignore no-explicit-any
  const third = await box.spawn(["sleep", "60"], quiet) as any;
  assertThrows(() => third.kill("SIGNOTHING"), TypeError);
  third.kill("SIGKILL");
  assertEquals((await third.status).code, 137);
});

Deno.test("the pid is the command's, as the host numbers it", async () => {
  const mark = tag();
  await using child = await box.spawn(["sleep", mark], quiet);
  // In the middle of execve a process has no command line yet.
  assert(await until(() => processesWith(mark).length > 0));
  assertEquals(processesWith(mark), [child.pid]);
});

Deno.test("an AbortSignal that is aborted already: nothing is started", async () => {
  const reason = new Error("never mind");
  const mark = tag();
  const error = await assertRejects(() =>
    box.output(["sleep", mark], { signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
  await assertRejects(() =>
    box.spawn(["sleep", mark], { ...quiet, signal: AbortSignal.abort(reason) })
  );
  assertEquals(processesWith(mark), []);
});

Deno.test("an AbortSignal during the run ends everything, and is the reason", async () => {
  const mark = tag();
  const controller = new AbortController();
  const reason = new Error("stop it");
  const running = box.output(["sh", "-c", `sleep ${mark} & sleep ${mark}`], {
    signal: controller.signal,
  });
  assert(await until(() => processesWith(mark).length >= 2));
  controller.abort(reason);
  assertEquals(await assertRejects(() => running), reason);
  assertEquals(processesWith(mark), []);
  const spawned = new AbortController();
  const child = await box.spawn(["sleep", mark], { ...quiet, signal: spawned.signal });
  spawned.abort(reason);
  assertEquals(await assertRejects(() => child.status), reason);
  assertEquals(processesWith(mark), []);
});

Deno.test("an AbortSignal at any moment of the set-up leaves nothing", async () => {
  const mark = tag();
  for (let turn = 0; turn < 30; turn++) {
    const controller = new AbortController();
    const running = box.output(["sleep", mark], { signal: controller.signal });
    if (turn % 3 === 0) controller.abort();
    else if (turn % 3 === 1) queueMicrotask(() => controller.abort());
    else setTimeout(() => controller.abort(), turn / 6);
    await assertRejects(() => running);
  }
  assert(await until(() => processesWith(mark).length === 0, 500), `${processesWith(mark)}`);
});

Deno.test("an AbortSignal after the end changes nothing", async () => {
  const controller = new AbortController();
  const { code } = await box.output(["true"], { signal: controller.signal });
  controller.abort();
  assertEquals(code, 0);
});

Deno.test("await using kills what still runs", async () => {
  const mark = tag();
  {
    await using child = await box.spawn(
      ["sh", "-c", `trap '' TERM; sleep ${mark}; sleep ${mark}`],
      quiet,
    );
    assert(child.pid > 0);
    assert(await until(() => processesWith(mark).length > 0));
  }
  assertEquals(processesWith(mark), []);
});

Deno.test("disposing of what has ended already is fine", async () => {
  await using child = await box.spawn(["true"], quiet);
  assertEquals((await child.status).code, 0);
});

Deno.test("without a pid namespace kill and dispose leave no stragglers either", async () => {
  const mark = tag();
  const shared = box.share("pid");
  {
    await using child = await shared.spawn(
      ["sh", "-c", `setsid sleep ${mark} & sleep ${mark}`],
      quiet,
    );
    assert(child.pid > 0);
    assert(await until(() => processesWith(mark).length >= 2));
  }
  assert(await until(() => processesWith(mark).length === 0, 1000), `${processesWith(mark)}`);
  const { timedOut } = await shared.timeout(150 * PACE).output([
    "sh",
    "-c",
    `setsid sleep ${mark} & sleep ${mark}`,
  ]);
  assertEquals(timedOut, true);
  assert(await until(() => processesWith(mark).length === 0, 1000), `${processesWith(mark)}`);
  const bare = Sandbox.empty().env("PATH", "/usr/bin:/bin");
  assertEquals(
    await run(bare, ["sh", "-c", `setsid sleep ${mark} > /dev/null 2>&1 & echo x`]),
    "x\n",
  );
  assert(await until(() => processesWith(mark).length === 0, 1000), `${processesWith(mark)}`);
});

Deno.test("many at once: each gets its own output and status", async () => {
  const results = await Promise.all(
    Array.from(
      { length: 40 },
      (_, index) => box.output(["sh", "-c", `echo ${index}; exit ${index}`]),
    ),
  );
  results.forEach(({ code, stdout }, index) => {
    assertEquals([code, text(stdout)], [index, `${index}\n`]);
  });
});

Deno.test("a hundred runs leave no descriptor and no process", async () => {
  await box.output(["true"]);
  const before = openDescriptors();
  for (let turn = 0; turn < 50; turn++) {
    await box.output(["true"]);
    await (await box.spawn(["true"], quiet)).status;
  }
  assert(openDescriptors() <= before, `${before} then ${openDescriptors()}`);
});

Deno.test("the program ends by itself after its last sandbox", async () => {
  const started = performance.now();
  const { code, stdout } = await runProgram(`
    const { stdout } = await sandbox().timeout("1h").output(["echo", "done"]);
    await Deno.stdout.write(stdout);
    const child = await sandbox().spawn(["cat"], { stdin: "piped", stdout: "piped" });
    await child.stdin.close();
    await child.status;
  `);
  assertEquals({ code, stdout }, { code: 0, stdout: "done\n" });
  assert(performance.now() - started < 5000 * PACE);
});

Deno.test("a program that is alive only for a sandbox waits for it", async () => {
  const { code, stdout } = await runProgram(`
    sandbox().output(["sh", "-c", "sleep 0.3; echo waited"]).then(({ stdout }) => Deno.stdout.write(stdout));
  `);
  assertEquals({ code, stdout }, { code: 0, stdout: "waited\n" });
});

Deno.test("Deno.exit() ends the sandboxes that still run", async () => {
  const mark = tag();
  const { code } = await runProgram(`
    await sandbox().spawn(["sh", "-c", "trap '' TERM; setsid sleep ${mark} & sleep ${mark}; sleep ${mark}"]);
    await sandbox().share("pid").spawn(["sleep", "${mark}"]);
    Deno.exit(4);
  `);
  assertEquals(code, 4);
  assert(await until(() => processesWith(mark).length === 0, 2000), `${processesWith(mark)}`);
});

Deno.test("Ctrl-C at the program's group reaches the program, not its agent", async () => {
  const child = program(`
    Deno.addSignalListener("SIGINT", () => {});
    console.log("ready");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { stdout } = await sandbox().output(["echo", "still works"]);
    await Deno.stdout.write(stdout);
    Deno.exit(0);
  `).spawn();
  const reader = child.stdout.getReader();
  let said = text((await reader.read()).value!);
  assertMatch(said, /ready/);
  for (const pid of [child.pid]) Deno.kill(pid, "SIGINT");
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    said += text(value);
  }
  assertMatch(said, /still works/);
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});

Deno.test("when the agent is killed, what runs rejects, and the next launch works", async () => {
  const { code, stdout, stderr } = await runProgram(`
    const child = await sandbox().spawn(["sleep", "60"], { stdin: "null" });
    const pending = sandbox().output(["sleep", "60"]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [agent] = Deno.readTextFileSync(\`/proc/\${Deno.pid}/task/\${Deno.pid}/children\`).split(" ");
    Deno.kill(Number(agent), "SIGKILL");
    for (const promise of [child.status, pending]) {
      await promise.then(() => console.log("resolved"), (error) => console.log(error.name, error.message));
    }
    const { stdout } = await sandbox().output(["echo", "next"]);
    await Deno.stdout.write(stdout);
  `);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^(SandboxError The agent.*\n){2}next\n$/);
});

Deno.test("a program that is killed before it does anything is reported as killed", async () => {
  const child = await box.spawn(["sleep", "60"], quiet);
  Deno.kill(child.pid, "SIGKILL");
  const status = await child.status;
  assertEquals([status.signal, status.timedOut], ["SIGKILL", false]);
  await wait(1);
  assert(!(status as unknown instanceof SandboxError));
});
