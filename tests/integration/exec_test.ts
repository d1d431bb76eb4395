/** Further commands in a running sandbox. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import {
  filter,
  type RunningSandbox,
  Sandbox,
  sandbox,
  SandboxError,
  SpecError,
  StepError,
  SyscallError,
  UnsupportedError,
} from "../../mod.ts";
import { landlockVersion } from "../../lib/sys/landlock.ts";
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import {
  childrenOf,
  inFolder,
  installed,
  lines,
  openDescriptors,
  ownChildren,
  ROOT,
  runProgram,
  testIf,
  text,
  until,
} from "./support.ts";

const SLEEP = ["sleep", "60"];

/** What a shell script in the sandbox wrote; it must succeed without a word. */
async function inside(
  box: RunningSandbox,
  script: string,
  options?: Parameters<RunningSandbox["execOutput"]>[1],
): Promise<string> {
  const { code, stdout, stderr } = await box.execOutput(["sh", "-c", script], options);
  assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
  return text(stdout);
}

function cgroupOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/cgroup`);
}

/** What is to be the same for the command and for whoever joins it. */
const SELF = [
  "for kind in cgroup ipc mnt net pid user uts time; do readlink /proc/self/ns/$kind; done",
  "grep -E '^(Uid|Gid|Groups|Cap.*|NoNewPrivs|Seccomp.*):' /proc/self/status",
  "cat /proc/self/limits; umask; pwd; env | sort | grep -v '^_='; cat /proc/self/oom_score_adj",
].join("; ");

/** The command tells what it is, and waits; a further one tells the same. */
async function assertSame(box: Sandbox): Promise<void> {
  await using running = await box.start(["sh", "-c", `(${SELF}) ; echo .; exec sleep 60`], {
    stdin: "null",
    stdout: "piped",
  });
  const reader = running.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let first = "";
  while (!first.endsWith(".\n")) first += (await reader.read()).value;
  reader.releaseLock();
  assertEquals(await inside(running, SELF), first.slice(0, -2));
}

Deno.test("a further command is what the first one is", async () => {
  await assertSame(sandbox().hostname("fern"));
});

Deno.test("also with what is not the default", async () => {
  await assertSame(
    sandbox().env("TREE", "oak").tmpfs("/work").cwd("/work").umask("027").rlimit("nofile", 50)
      .rlimit("nproc", { soft: 900, hard: 1000 }).oomScoreAdj(7).timeOffset({ boottime: "100d" })
      .user(1000, 1001),
  );
});

Deno.test("also with capabilities behind the lock of the mounts", async () => {
  await assertSame(sandbox().user(0).capabilities(["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]));
});

Deno.test("also with another filter, and with none", async () => {
  await assertSame(sandbox().seccomp(filter.deny("EPERM", "sysinfo")));
  await assertSame(sandbox().seccomp("none"));
});

testIf(
  landlockVersion() > 0,
  "the kernel has no Landlock",
  "also under rules of Landlock",
  async () => {
    const rules = sandbox().tmpfs("/work").landlock("from-mounts", { optional: true });
    await assertSame(rules);
    await using box = await rules.start(SLEEP);
    const { code } = await box.execOutput(["sh", "-c", "echo > /work/new && echo > /new"]);
    assertEquals(code, 2);
    // Also where the mounts are the host's, and the rules are made anew.
    const bare = Sandbox.empty().unshare("user", "pid").landlock({
      paths: [{ path: "/", allow: "execute" }],
      optional: true,
    });
    await using open = await bare.start(SLEEP);
    const { stderr } = await open.execOutput(["sh", "-c", "echo > /tmp/paddock-test-never"]);
    assert(text(stderr).includes("denied"), text(stderr));
  },
);

Deno.test("who decides about the first command's calls decides about others'", async () => {
  const seen: string[] = [];
  const box = sandbox().seccomp(filter.notify("uname"), (call) => {
    seen.push(call.name);
    return call.deny("EACCES");
  });
  await using running = await box.start(SLEEP);
  const { code } = await running.execOutput(["uname"]);
  assertEquals([code, ...seen], [1, "uname"]);
});

Deno.test("also where the command is pid 1 itself", async () => {
  await using box = await sandbox().asPid1().start(SLEEP);
  assertEquals(await inside(box, "cat /proc/1/comm"), "sleep\n");
});

testIf(ROOT, "only root can", "also with namespaces that are shared, and several ids", async () => {
  await assertSame(sandbox().idMap("auto").user(1000));
  await assertSame(sandbox().share("net", "uts", "ipc"));
});

testIf(CAN_LIMIT, WHY_NOT, "it counts in the sandbox's cgroup", async () => {
  await using box = await sandbox().limits({ pids: 20 }).start(SLEEP);
  await using child = await box.exec(SLEEP, { stdin: "null" });
  assert(box.cgroup!.processes().includes(child.pid));
  // On cgroup v1 it has to be in each of the hierarchies.
  assertEquals(cgroupOf(child.pid), cgroupOf(box.pid));
});

Deno.test("its streams, directory, environment and user are its own", async () => {
  await using box = await sandbox().tmpfs("/work").env("A", "1").start(SLEEP);
  const output = await box.execOutput(["sh", "-c", "echo $A$B; pwd; echo no >&2; exit 3"], {
    env: { B: "2" },
    cwd: "/work",
  });
  assertEquals(text(output.stdout), "12\n/work\n");
  assertEquals(text(output.stderr), "no\n");
  assertEquals([output.success, output.code, output.signal, output.timedOut], [
    false,
    3,
    null,
    false,
  ]);
  await using child = await box.exec(["cat"], { stdin: "piped", stdout: "piped" });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("through"));
  await writer.close();
  assertEquals(await new Response(child.stdout).text(), "through");
  assert((await child.status).success);
  for (const misspelt of [{ evn: {} }, { user: { uid: 0, gdi: 1 } }, { tty: { row: 1 } }]) {
    await assertRejects(() => box.exec(["id"], misspelt as never), SpecError, "no such field");
    await assertRejects(
      () => box.execOutput(["id"], misspelt as never),
      SpecError,
      "no such field",
    );
  }
  await assertRejects(() => box.exec(["id"], { user: 77 }), SpecError, "77:77 is not in the");
  await assertRejects(() => box.exec(["id"], { cwd: "work" }), SpecError, "absolute");
});

testIf(ROOT, "several ids are root's to give", "another user of the map", async () => {
  await using box = await sandbox().idMap("auto").user(1000).start(SLEEP);
  assertEquals(await inside(box, "id -u; id -g; id -G", { user: { uid: 5, gid: 6 } }), "5\n6\n6\n");
  assertEquals(
    await inside(box, "id -G; grep CapEff /proc/self/status", { user: { uid: 0, groups: [7] } }),
    "0 7\nCapEff:\t0000000000000000\n",
  );
});

Deno.test("it has a terminal of its own", async () => {
  await using box = await sandbox().start(SLEEP);
  await using child = await box.exec(
    ["sh", "-c", "tty; stty size; cut -d ' ' -f 7 /proc/$$/stat"],
    {
      tty: { columns: 100, rows: 30 },
    },
  );
  const shown = await new Response(child.stdout).text();
  assertEquals(lines(shown.replaceAll("\r", "")), ["/dev/pts/0", "30 100", "34816"]);
  assert((await child.status).success);
});

Deno.test("what cannot be executed is told as at a launch", async () => {
  await using box = await sandbox().start(SLEEP);
  for (const _ of [1, 2]) {
    const error = await assertRejects(() => box.execOutput(["no-such"]), StepError);
    assertInstanceOf(error.cause, SyscallError);
    assertEquals([error.step, error.cause.code], ["execute", "ENOENT"]);
  }
  const error = await assertRejects(() => box.exec(["id"], { cwd: "/none" }), StepError);
  assertEquals(error.step, "cwd");
  await assertRejects(() => box.execOutput([]), SpecError);
});

Deno.test("it ends by its time limit, by an abort, by a signal", async () => {
  await using box = await sandbox().start(SLEEP);
  const late = await box.execOutput(SLEEP, { timeout: 50 });
  assertEquals([late.timedOut, late.signal], [true, "SIGKILL"]);
  const control = new AbortController();
  const aborted = box.execOutput(SLEEP, { signal: control.signal });
  setTimeout(() => control.abort(new Error("enough")), 20);
  await assertRejects(() => aborted, Error, "enough");
  const child = await box.exec(SLEEP, { stdin: "null" });
  child.kill("SIGUSR1");
  assertEquals((await child.status).signal, "SIGUSR1");
  // The sandbox goes on.
  assertEquals(await inside(box, "echo on"), "on\n");
});

Deno.test("it ends with the sandbox, and nobody can enter after that", async () => {
  const box = await sandbox().start(SLEEP);
  const child = await box.exec(SLEEP, { stdin: "null" });
  box.signal("SIGTERM");
  assertEquals((await box.status).signal, "SIGTERM");
  assertEquals((await child.status).signal, "SIGKILL");
  await assertRejects(() => box.exec(["true"]), SandboxError, "The sandbox has ended");
});

Deno.test("many at a time, while the sandbox ends: each ends, and nothing is left", async () => {
  const before = openDescriptors();
  const box = await sandbox().start(SLEEP);
  const all = Array.from({ length: 30 }, () => box.execOutput(["true"]));
  setTimeout(() => box.signal("SIGKILL"), 5);
  for (const one of await Promise.allSettled(all)) {
    if (one.status === "rejected") assertInstanceOf(one.reason, SandboxError);
  }
  await box.status;
  const [agent] = ownChildren();
  assert(await until(() => childrenOf(agent!).length === 0));
  assert(await until(() => openDescriptors() <= before), `${openDescriptors()} of ${before}`);
});

Deno.test("what it leaves behind does not keep its caller, and ends with the sandbox", async () => {
  await using box = await sandbox().start(SLEEP);
  await inside(box, "sleep 61 & echo started");
  assertEquals(await inside(box, "cat /proc/[0-9]*/comm | grep -c sleep"), "2\n");
});

Deno.test("it ends with its caller", async () => {
  const tag = `${61_000_000 + Deno.pid}`;
  const { stdout } = await runProgram(`
    const box = await sandbox().start(["sleep", "60"]);
    const child = await box.exec(["sleep", "${tag}"], { stdin: "null" });
    console.log(child.pid);
    Deno.kill(Deno.pid, "SIGKILL");
  `);
  const pid = Number(stdout);
  assert(pid > 0);
  const isGone = () => {
    try {
      return !Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(tag);
    } catch {
      return true;
    }
  };
  assert(await until(isGone), "the command lives on");
});

Deno.test("without a pid namespace nobody enters, for nothing would end what is left", async () => {
  await using box = await sandbox().share("pid").start(SLEEP);
  await assertRejects(() => box.exec(["true"]), UnsupportedError, "pid namespace");
});

Deno.test("a name is checked", async () => {
  await assertRejects(() => sandbox().start(SLEEP, { name: "../up" }), SpecError, "../up");
});

testIf(installed("tar"), "tar is missing", "an archive goes through it", async () => {
  await inFolder(async (folder) => {
    await using box = await sandbox().start(SLEEP);
    const path = `${folder}/out.tar`;
    const child = await box.exec(["tar", "-cf", "-", "-C", "/usr", "bin/env"], {
      stdin: "null",
      stdout: { file: path },
    });
    assert((await child.status).success);
    assert((await Deno.stat(path)).size > 10_000);
  });
});
