/** Presets for real jobs, with the programs that they are for. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { agent, browser, build, judge, sandbox, service, SpecError, test } from "../../mod.ts";
import { metaText } from "../../lib/presets/services.ts";
import { attempt, inFolder, installed, sh, testIf, text, until } from "./support.ts";

async function cgroups(): Promise<boolean> {
  try {
    return (await sandbox().limits({ memory: "64M", pids: 16 }).output(["true"])).success;
  } catch {
    return false;
  }
}
const CGROUPS = await cgroups();
const NO_CGROUPS = "there are no cgroups that limits can be set in";

/** A folder where the tests' user works, outside of what sandboxes have for themselves. */
function inProject(use: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    // Root's sandboxes write as another user than root; what they write must be let.
    await Deno.chmod(folder, 0o777);
    await use(folder);
  });
}

Deno.test("agent: the project can be written, secrets are hidden, nothing can be reached", async () => {
  const before = Deno.env.get("HOME");
  await inProject(async (project) => {
    await Deno.mkdir(`${project}/.git`);
    await Deno.mkdir(`${project}/home/.ssh`, { recursive: true });
    await Deno.writeTextFile(`${project}/home/.ssh/id`, "secret");
    Deno.env.set("HOME", `${project}/home`);
    try {
      const box = sandbox().with(agent(project));
      const script = `echo made >file; touch .git/x; touch /usr/x; cat home/.ssh/id
        getent hosts deno.land || echo unknown; pwd`;
      const { stdout, stderr } = await box.output(["sh", "-c", script]);
      assertEquals(text(stdout), `unknown\n${project}\n`);
      assertEquals(text(stderr).match(/Read-only file system/g)?.length, 2, text(stderr));
      assertEquals(await Deno.readTextFile(`${project}/file`), "made\n");
      assertEquals(box.spec.network, { mode: "none", allowDomains: [] });
    } finally {
      if (before === undefined) Deno.env.delete("HOME");
      else Deno.env.set("HOME", before);
    }
  });
});

testIf(
  installed("gcc") && installed("make"),
  "gcc and make are not installed",
  "build: a program is compiled without a network, and its caches stay",
  async () => {
    await inProject(async (project) => {
      await Deno.writeTextFile(
        `${project}/hello.c`,
        '#include <stdio.h>\nint main(void) { puts("hi"); }\n',
      );
      await Deno.writeTextFile(
        `${project}/Makefile`,
        `hello: hello.c\n\tgcc -o hello hello.c\n\techo built >>${project}/cache/log\n`,
      );
      const box = sandbox().with(build(project, { caches: [`${project}/cache`], hide: [] }));
      await Deno.mkdir(`${project}/cache`);
      await Deno.chmod(`${project}/cache`, 0o777);
      const { stderr, success } = await box.output(["make", "-s"]);
      assert(success, text(stderr));
      assertEquals(
        await sh(box, "./hello; make -s; tail -n +3 /proc/net/dev | cut -d: -f1"),
        "hi\n    lo\n",
      );
      assertEquals(await Deno.readTextFile(`${project}/cache/log`), "built\n");
      assertStringIncludes((await attempt(box, "touch /usr/x")).stderr, "Read-only file system");
    });
  },
);

Deno.test("test: each run sees the same clock, zone and locale, and leaves nothing", async () => {
  await inProject(async (project) => {
    await Deno.writeTextFile(`${project}/note`, "note\n");
    const box = sandbox().with(test(project, { uptime: "2h", hide: [] }));
    const script =
      "echo x >made; echo y >note; cat made note; cut -d. -f1 /proc/uptime; date +%Z; " +
      'echo "$LC_ALL $SOURCE_DATE_EPOCH"; pwd';
    for (let round = 0; round < 2; round++) {
      const [made, note, uptime, ...rest] = (await sh(box, script)).split("\n");
      assertEquals([made, note], ["x", "y"]);
      assert(Number(uptime) >= 7199 && Number(uptime) < 7260, uptime);
      assertEquals(rest, ["UTC", "C.UTF-8 315532800", project, ""]);
    }
    assertEquals([...Deno.readDirSync(project)].map(({ name }) => name), ["note"]);
    assertEquals(Deno.readTextFileSync(`${project}/note`), "note\n");
  });
});

const CHROMIUM = ["chromium-headless-shell", "chromium"].find(installed);

testIf(
  CHROMIUM !== undefined,
  "neither chromium nor chromium-headless-shell is installed",
  "browser: a headless Chromium renders a page, with its script",
  async () => {
    await inProject(async (folder) => {
      await Deno.writeTextFile(
        `${folder}/index.html`,
        "<p id=p>before</p><script>p.textContent = [1, 2, 3].map((n) => n * n).join()</script>",
      );
      const box = sandbox().with(browser()).bind(folder, "/site").timeout("60s");
      const { stdout, stderr, success } = await box.output([
        ...[CHROMIUM!, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"],
        "file:///site/index.html",
      ]);
      assert(success, text(stderr));
      assertStringIncludes(text(stdout), '<p id="p">1,4,9</p>');
    });
  },
);

Deno.test("judge: the file is as isolate's --meta", () => {
  const usage = { wall: 1234, user: 200, system: 34, maxRss: 2048 * 1024 };
  const ended = (code: number, signal: Deno.Signal | null, more = {}) => ({
    status: { success: code === 0, code, signal },
    usage,
    oomKilled: false,
    timedOut: false,
    ...more,
  });
  const first = "time:0.234\ntime-wall:1.234\nmax-rss:2048\n";
  assertEquals(metaText(ended(0, null), 1000), `${first}exitcode:0\n`);
  assertEquals(
    metaText(ended(3, null), 1000),
    `${first}exitcode:3\nstatus:RE\nmessage:Exited with error status 3\n`,
  );
  assertEquals(
    metaText(ended(139, "SIGSEGV"), 1000),
    `${first}exitsig:11\nkilled:1\nstatus:SG\nmessage:Caught fatal signal 11\n`,
  );
  assertEquals(
    metaText(ended(152, "SIGXCPU"), 1000),
    `${first}exitsig:24\nkilled:1\nstatus:TO\nmessage:Time limit exceeded\n`,
  );
  assertEquals(
    metaText(ended(137, "SIGKILL", { timedOut: true }), 1000),
    `${first}exitsig:9\nkilled:1\nstatus:TO\nmessage:Time limit exceeded (wall clock)\n`,
  );
  assertStringIncludes(
    metaText(
      ended(137, "SIGKILL", { oomKilled: true, usage: { ...usage, memoryPeak: 4096 } }),
      1000,
    ),
    "cg-mem:4\ncg-oom-killed:1\nexitsig:9\nkilled:1\nstatus:SG\nmessage:Out of memory\n",
  );
});

testIf(CGROUPS, NO_CGROUPS, "judge: each verdict, with its file", async () => {
  await inProject(async (folder) => {
    const meta = `${folder}/meta`;
    const run = async (script: string, more = {}) => {
      const box = sandbox().with(judge({ meta, time: "1s", memory: "64M", ...more }));
      const { reports } = await box.output(["sh", "-c", script]);
      const told = Deno.readTextFileSync(meta);
      assertEquals((reports.judge as { meta: string }).meta, told);
      return told;
    };
    assertMatch(
      await run("exit 0"),
      /^time:\d\.\d{3}\ntime-wall:\d+\.\d{3}\nmax-rss:\d+\n.*exitcode:0\n$/s,
    );
    assertStringIncludes(await run("exit 7"), "exitcode:7\nstatus:RE\n");
    assertStringIncludes(await run("while :; do :; done"), "status:TO\n");
    assertStringIncludes(await run("exec sleep 60", { wallTime: "300ms" }), "(wall clock)\n");
    assertStringIncludes(await run("kill -SEGV $$"), "exitsig:11\n");
    // One process: the shell itself.
    assertStringIncludes(await run("(exit 0) & wait $! || exit 9"), "status:RE\n");
    assertStringIncludes(
      await run("head -c 1M /dev/zero >/tmp/x; exit $?", { fileSize: 1024, processes: 4 }),
      "status:RE\n",
    );
  });
});

testIf(
  CGROUPS && installed("python3"),
  CGROUPS ? "python3 is not installed" : NO_CGROUPS,
  "service: a server answers on the published port, and its data stay",
  async () => {
    await inProject(async (data) => {
      const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = probe.addr as Deno.NetAddr;
      probe.close();
      await Deno.writeTextFile(`${data}/index.html`, "served\n");
      const box = sandbox().with(service({ publish: [`${port}:8000`], data: { "/data": data } }));
      const server = ["python3", "-m", "http.server", "8000", "--directory", "/data"];
      await using child = await box.spawn([
        "sh",
        "-c",
        `echo up >/data/log; exec ${server.join(" ")}`,
      ], {
        stdout: "null",
        stderr: "null",
      });
      let answer = "";
      const answered = await until(async () => {
        try {
          answer = await (await fetch(`http://127.0.0.1:${port}/index.html`)).text();
        } catch { /* not up yet */ }
        return answer !== "";
      }, 30_000);
      assert(answered);
      assertEquals(answer, "served\n");
      assertEquals(Deno.readTextFileSync(`${data}/log`), "up\n");
      child.kill("SIGKILL");
      await child.status;
    });
  },
);

Deno.test("an option that a preset does not know is an error that says what was meant", () => {
  const wrong = { memroy: "1M" } as never;
  for (const make of [() => judge(wrong), () => service(wrong), () => build(".", wrong)]) {
    try {
      make();
      assert(false);
    } catch (error) {
      assert(error instanceof SpecError && error.field.endsWith(".memroy"), String(error));
    }
  }
});
