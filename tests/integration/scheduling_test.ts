import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { sandbox, StepError } from "../../mod.ts";
import type { RlimitName } from "../../mod.ts";
import { SYS } from "../../lib/sys/syscall_numbers.ts";
import { installed, ROOT, run, sh, testIf, text } from "./support.ts";

/** What a status or limits file of the command says, by the words before the colon. */
async function inspect(box: ReturnType<typeof sandbox>, file: string): Promise<string> {
  return await run(box, ["cat", `/proc/self/${file}`]);
}

/** A field of stat(5), counted from 1. */
async function stat(box: ReturnType<typeof sandbox>, field: number): Promise<number> {
  const fields = (await inspect(box, "stat")).replace(/^.*\) /, "").split(" ");
  return Number(fields[field - 3]);
}

Deno.test("nice() raises the niceness of the command, not of its supervisor", async () => {
  assertEquals(await stat(sandbox().nice(7), 19), 7);
  assertEquals(
    await sh(sandbox().nice(7), "set -- $(sed 's/^.*) //' /proc/1/stat); echo ${17}"),
    "0\n",
  );
});

testIf(
  ROOT,
  "only root lowers the niceness",
  "root lowers the niceness of a command that is not root",
  async () => assertEquals(await stat(sandbox().nice(-5), 19), -5),
);

testIf(!ROOT, "root may", "an ordinary user may not lower the niceness, and is told", async () => {
  const error = await assertRejects(() => sandbox().nice(-5).output(["true"]));
  assertInstanceOf(error, StepError);
  assertMatch(error.message, /run at niceness -5: setpriority: EACCES .*; a lower niceness is for/);
});

Deno.test("scheduler() sets the policies that everybody may have", async () => {
  // sched(7): other 0, batch 3, idle 5.
  assertEquals(await stat(sandbox().scheduler("batch"), 41), 3);
  assertEquals(await stat(sandbox().scheduler("idle"), 41), 5);
  assertEquals(await stat(sandbox().scheduler("other"), 41), 0);
});

testIf(ROOT, "only root may", "root gives a command a real-time policy", async () => {
  const box = sandbox().scheduler("rr", { priority: 7 });
  assertEquals([await stat(box, 41), await stat(box, 40)], [2, 7]);
  // Two levels down, for the shell starts the one that looks.
  const reset = sandbox().scheduler("fifo", { priority: 3, resetOnFork: true });
  assertEquals(await sh(reset, "set -- $(sed 's/^.*) //' /proc/self/stat); echo ${39}"), "0\n");
});

testIf(
  navigator.hardwareConcurrency > 1,
  "there is only one processor",
  "cpuAffinity() keeps the command on the processors of the list",
  async () => {
    assertMatch(await inspect(sandbox().cpuAffinity("1"), "status"), /^Cpus_allowed_list:\s*1$/m);
    assertMatch(await inspect(sandbox().cpuAffinity([0]), "status"), /^Cpus_allowed_list:\s*0$/m);
    const error = await assertRejects(() => sandbox().cpuAffinity("4000").output(["true"]));
    assertMatch(String(error), /sched_setaffinity: EINVAL .*; none of these processors/);
  },
);

testIf(installed("ionice"), "ionice is not installed", "ioPriority()", async () => {
  const ask = ["ionice"];
  assertEquals(await run(sandbox().ioPriority("best-effort", 6), ask), "best-effort: prio 6\n");
  assertEquals(await run(sandbox().ioPriority("idle"), ask), "idle\n");
  if (ROOT) assertEquals(await run(sandbox().ioPriority("realtime"), ask), "realtime: prio 4\n");
});

Deno.test("oomScoreAdj() raises what the machine's want of memory kills first", async () => {
  assertEquals(await inspect(sandbox().oomScoreAdj(321), "oom_score_adj"), "321\n");
  assertEquals(await inspect(sandbox().asPid1().oomScoreAdj(321), "oom_score_adj"), "321\n");
});

Deno.test("oomScoreAdj() below the caller's is done, or refused with the remedy", async () => {
  const outcome = await inspect(sandbox().oomScoreAdj(-321), "oom_score_adj").catch(String);
  if (outcome !== "-321\n") {
    assertMatch(outcome, /oom_score_adj": EACCES .*; a lower value .* needs CAP_SYS_RESOURCE/);
  }
});

Deno.test("personality()", async () => {
  assertMatch(
    await run(sandbox().personality("linux32"), ["uname", "-m"]),
    /^(i686|armv8l)\n$/,
  );
  const box = sandbox().personality("addr_no_randomize");
  assertEquals(await inspect(box, "personality").catch(() => "00040000\n"), "00040000\n");
  const stack = async () => /^(\S+) .*\[stack\]$/m.exec(await inspect(box, "maps"))![1];
  assertEquals(await stack(), await stack());
});

Deno.test("all sixteen limits of getrlimit(2) arrive", async () => {
  // What proc_pid_limits(5) calls each of them, and a value below every machine's own.
  const limits: [RlimitName, string, number][] = [
    ["as", "Max address space", 2 ** 33],
    ["core", "Max core file size", 0],
    ["cpu", "Max cpu time", 100],
    ["data", "Max data size", 2 ** 32],
    ["fsize", "Max file size", 2 ** 30],
    ["locks", "Max file locks", 10],
    ["memlock", "Max locked memory", 4096],
    ["msgqueue", "Max msgqueue size", 8192],
    ["nice", "Max nice priority", 0],
    ["nofile", "Max open files", 64],
    ["nproc", "Max processes", 1000],
    ["rss", "Max resident set", 2 ** 30],
    ["rtprio", "Max realtime priority", 0],
    ["rttime", "Max realtime timeout", 1000],
    ["sigpending", "Max pending signals", 100],
    ["stack", "Max stack size", 2 ** 20],
  ];
  let box = sandbox();
  for (const [name, , value] of limits) box = box.rlimit(name, value);
  const shown = await inspect(box, "limits");
  for (const [, title, value] of limits) {
    const [soft, hard] = shown.split("\n").find((line) => line.startsWith(title))!
      .slice(title.length).trim().split(/\s+/);
    assertEquals([soft, hard], [String(value), String(value)], title);
  }
});

Deno.test("a hard limit above the caller's is raised by root, or refused with the remedy", async () => {
  const most = Number(
    /^Max open files\s+\d+\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))![1],
  );
  const box = sandbox().rlimit("nofile", { soft: 64, hard: most + 1 });
  const outcome = await inspect(box, "limits").catch(String);
  const done = new RegExp(`^Max open files\\s+64\\s+${most + 1}`, "m").test(outcome);
  if (!done) assertMatch(outcome, /prlimit64: EPERM .*needs CAP_SYS_RESOURCE outside/);
});

testIf(
  installed("perl"),
  "perl is not installed",
  "each sandbox has a session keyring that neither the host nor another one has",
  async () => {
    // KEYCTL_GET_KEYRING_ID of KEY_SPEC_SESSION_KEYRING; below zero where a filter forbids to ask.
    const ask = ["perl", "-e", `print syscall(${SYS.keyctl}, 0, -3, 0)`];
    const { stdout } = await new Deno.Command(ask[0]!, { args: ask.slice(1) }).output();
    const ids = [text(stdout), await run(sandbox(), ask), await run(sandbox(), ask)].map(Number);
    const known = ids.filter((id) => id > 0);
    assertEquals(new Set(known).size, known.length, String(ids));
  },
);
