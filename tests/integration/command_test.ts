import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Sandbox, sandbox, SpecError, StepError, type SyscallError } from "../../mod.ts";
import { inFolder, run, sh, text } from "./support.ts";

const utf8 = (words: string) => new TextEncoder().encode(words);

/** Executes and must fail in the last step: with what errno. */
async function refused(box: Sandbox, command: (string | Uint8Array)[]): Promise<SyscallError> {
  const error = await assertRejects(() => box.output(command), StepError);
  assertEquals(error.step, "execute");
  return error.cause as SyscallError;
}

Deno.test("a program is looked for along PATH, inside", async () => {
  const box = sandbox().file("/opt/a/tool", "#!/bin/sh\necho first\n", { mode: "0755" })
    .file("/opt/b/tool", "#!/bin/sh\necho second\n", { mode: "0755" })
    .env("PATH", "/nowhere:/opt/a:/opt/b:/usr/bin:/bin");
  assertEquals(await run(box, ["tool"]), "first\n");
  assertEquals(await run(box.env("PATH", "/opt/b:/opt/a:/bin"), ["tool"]), "second\n");
  assertEquals(await run(box, ["/opt/b/tool"]), "second\n");
  // A file on the way is no folder: ENOTDIR is passed over.
  assertEquals(await run(box.env("PATH", "/etc/passwd:/opt/a:/bin"), ["tool"]), "first\n");
  // An empty entry is the working directory.
  assertEquals(await run(box.env("PATH", ":/bin").cwd("/opt/b"), ["tool"]), "second\n");
});

Deno.test("without PATH the usual folders are searched", async () => {
  assertEquals(await run(sandbox().clearEnv(), ["echo", "found"]), "found\n");
});

Deno.test("a program that is not there is ENOENT, and says where it was looked for", async () => {
  const cause = await refused(sandbox(), ["no-such-program"]);
  assertEquals(cause.code, "ENOENT");
  assertEquals(cause.syscall, "execve");
  assertStringIncludes(cause.message, "no-such-program");
  const error = await assertRejects(() => sandbox().output(["no-such-program"]), StepError);
  assertEquals(error.message.split(Deno.env.get("PATH")!).length, 2, "once, and only once");
  assertEquals((await refused(sandbox(), ["/no/such/program"])).code, "ENOENT");
});

Deno.test("a file that is not executable is EACCES, unless a later folder has one that is", async () => {
  const box = sandbox().file("/opt/a/tool", "no program").env("PATH", "/opt/a:/nowhere");
  assertEquals((await refused(box, ["tool"])).code, "EACCES");
  assertEquals((await refused(box, ["/opt/a/tool"])).code, "EACCES");
  assertEquals((await refused(sandbox(), ["/usr"])).code, "EACCES");
  const later = box.file("/opt/b/tool", "#!/bin/sh\necho later\n", { mode: "0755" })
    .env("PATH", "/opt/a:/opt/b");
  assertEquals(await run(later, ["tool"]), "later\n");
});

Deno.test("a script without an interpreter line is run by /bin/sh", async () => {
  const box = sandbox().file("/opt/script", 'echo "$0|$1|$2"\n', { mode: "0755" })
    .env("PATH", "/opt:/usr/bin:/bin");
  assertEquals(await run(box, ["/opt/script", "a b", ""]), "/opt/script|a b|\n");
  assertEquals(await run(box, ["script", "x"]), "/opt/script|x|\n");
});

Deno.test("a script whose interpreter is missing is ENOENT", async () => {
  const box = sandbox().file("/opt/script", "#!/no/interpreter\n", { mode: "0755" });
  const cause = await refused(box, ["/opt/script"]);
  assertEquals(cause.code, "ENOENT");
  assertStringIncludes(cause.message, "interpreter");
});

Deno.test("arguments arrive as they are: empty, with spaces, not UTF-8", async () => {
  const raw = new Uint8Array([0x66, 0xff, 0xfe, 0x80, 0x6f]);
  const { stdout } = await sandbox().output(["printf", "%s|", "", "a b", "ä\n", raw, "$HOME", "*"]);
  const expected = [...utf8("|a b|ä\n|"), ...raw, ...utf8("|$HOME|*|")];
  assertEquals([...stdout], expected);
});

Deno.test("the name of a program may be bytes that are not UTF-8", async () => {
  await inFolder(async (folder) => {
    // The file is made by a sandbox, for Deno has text names only.
    const name = new Uint8Array([0x70, 0xff, 0x71]);
    const box = sandbox().bind(folder, "/opt/bin", { writable: true }).env(
      "PATH",
      "/opt/bin:/usr/bin:/bin",
    );
    await run(box, [
      "sh",
      "-c",
      'printf "#!/bin/sh\\necho ran\\n" > "$1"; chmod 755 "$1"',
      "sh",
      new Uint8Array([...utf8("/opt/bin/"), ...name]),
    ]);
    assertEquals(await run(box, [new Uint8Array([...utf8("/opt/bin/"), ...name])]), "ran\n");
    assertEquals(await run(box, [name]), "ran\n");
    await run(box, ["sh", "-c", "rm -f /opt/bin/*"]);
  });
});

Deno.test("environment values arrive as they are: empty, with newlines, not UTF-8", async () => {
  const raw = new Uint8Array([0x66, 0xff, 0x3d, 0x80]);
  const { stdout } = await sandbox().clearEnv().env({ A: "", B: "x\ny=z", RAW: raw })
    .output(["/bin/cat", "/proc/self/environ"]);
  assertEquals([...stdout], [...utf8("A=\0B=x\ny=z\0RAW="), ...raw, 0]);
});

Deno.test("inheritEnv takes named variables, or all; set values win", async () => {
  Deno.env.set("PADDOCK_TEST_A", "a");
  Deno.env.set("PADDOCK_TEST_B", "b");
  try {
    const environ = async (box: Sandbox) =>
      (await run(box, ["/bin/cat", "/proc/self/environ"])).split("\0").filter(Boolean).sort();
    assertEquals(await environ(sandbox().clearEnv().inheritEnv("PADDOCK_TEST_A", "MISSING")), [
      "PADDOCK_TEST_A=a",
    ]);
    assertEquals(
      await environ(
        sandbox().clearEnv().inheritEnv("PADDOCK_TEST_A", "PADDOCK_TEST_B").env(
          "PADDOCK_TEST_A",
          "mine",
        ),
      ),
      ["PADDOCK_TEST_A=mine", "PADDOCK_TEST_B=b"],
    );
    const all = await environ(sandbox().clearEnv().inheritEnv());
    const own = Object.entries(Deno.env.toObject()).map(([name, value]) => `${name}=${value}`)
      .sort();
    assertEquals(all, own);
  } finally {
    Deno.env.delete("PADDOCK_TEST_A");
    Deno.env.delete("PADDOCK_TEST_B");
  }
});

Deno.test("2,000 arguments", async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `argument-${index}`);
  const output = await run(sandbox(), [
    "sh",
    "-c",
    'echo $#; for a; do :; done; echo "$a"',
    "sh",
    ...many,
  ]);
  assertEquals(output, "2000\nargument-1999\n");
});

Deno.test("1 MiB of environment", async () => {
  const values = Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [`LARGE_${index}`, String(index % 10).repeat(65_520)]),
  );
  const { stdout } = await sandbox().clearEnv().env(values).output([
    "/bin/cat",
    "/proc/self/environ",
  ]);
  const found = new Map(
    text(stdout).split("\0").filter(Boolean).map((pair) => pair.split("=") as [string, string]),
  );
  assertEquals(found.size, 16);
  for (const [name, value] of Object.entries(values)) assert(found.get(name) === value, name);
});

Deno.test("more than the kernel takes is E2BIG, and says so", async () => {
  const cause = await refused(sandbox(), ["echo", "x".repeat(200_000)]);
  assertEquals(cause.code, "E2BIG");
  assertMatch(cause.message, /too long/);
});

Deno.test("the command of a spec is run when the verb names none", async () => {
  const box = Sandbox.from({ command: ["echo", "from", "the", "spec"] });
  assertEquals(text((await box.output()).stdout), "from the spec\n");
  assertEquals(text((await box.output(["echo", "other"])).stdout), "other\n");
});

Deno.test("no command, an empty one, and a NUL byte are SpecErrors", async () => {
  const cases: [string[] | undefined, string][] = [
    [undefined, "command"],
    [[], "command"],
    [[""], "command[0]"],
    [["echo", "a\0b"], "command[1]"],
  ];
  for (const [command, field] of cases) {
    const error = await assertRejects(() => sandbox().output(command), SpecError);
    assertEquals(error.field, field);
  }
  await assertRejects(() => sandbox().env("A", "x\0y").output(["true"]), SpecError);
  await assertRejects(() => sandbox().env("A=B", "x").output(["true"]), SpecError);
});

Deno.test("exit codes and signals are the command's own", async () => {
  for (const code of [0, 1, 2, 42, 126, 127, 255]) {
    const status = await sandbox().output(["sh", "-c", `exit ${code}`]);
    assertEquals(
      {
        code: status.code,
        signal: status.signal,
        success: status.success,
        timedOut: status.timedOut,
      },
      { code, signal: null, success: code === 0, timedOut: false },
    );
  }
  const signals = {
    SIGTERM: 15,
    SIGKILL: 9,
    SIGINT: 2,
    SIGHUP: 1,
    SIGSEGV: 11,
    SIGUSR1: 10,
    SIGPIPE: 13,
  };
  for (const [signal, number] of Object.entries(signals)) {
    const status = await sandbox().output(["sh", "-c", `kill -${number} $$`]);
    assertEquals(
      { code: status.code, signal: status.signal, success: status.success },
      { code: 128 + number, signal: signal as Deno.Signal, success: false },
    );
  }
});

Deno.test("cwd() must exist inside and lie inside", async () => {
  assertEquals(await run(sandbox().cwd("/tmp"), ["pwd"]), "/tmp\n");
  const missing = await assertRejects(() => sandbox().cwd("/no/where").output(["true"]), StepError);
  assertEquals(missing.step, "cwd");
  assertEquals((missing.cause as SyscallError).code, "ENOENT");
  const file = await assertRejects(() => sandbox().cwd("/etc/passwd").output(["true"]), StepError);
  assertEquals((file.cause as SyscallError).code, "ENOTDIR");
});

Deno.test("umask() holds inside", async () => {
  assertEquals(
    await sh(sandbox().umask("077"), "umask; touch /tmp/f; mkdir /tmp/d; stat -c %a /tmp/f /tmp/d"),
    "0077\n600\n700\n",
  );
  assertEquals(await sh(sandbox().umask(0), "touch /tmp/f; stat -c %a /tmp/f"), "666\n");
});

Deno.test("rlimit() sets soft and hard limits", async () => {
  const box = sandbox().rlimit("nofile", { soft: 64, hard: 128 }).rlimit("core", 0)
    .rlimit("fsize", 4096);
  assertEquals(await sh(box, "ulimit -Sn; ulimit -Hn; ulimit -c"), "64\n128\n0\n");
  const { success } = await box.output(["sh", "-c", "head -c 8192 /dev/zero > /tmp/large"]);
  assertEquals(success, false);
  const cpu = await sandbox().rlimit("cpu", { soft: 1, hard: 2 }).output([
    "sh",
    "-c",
    "while :; do :; done",
  ]);
  assertEquals(cpu.signal, "SIGXCPU");
});

Deno.test("usage is plausible", async () => {
  const { usage } = await sandbox().output([
    "sh",
    "-c",
    "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 0.1",
  ]);
  assert(usage.wall >= 100 && usage.wall < 20_000, `wall ${usage.wall}`);
  assert(usage.user > 5 && usage.user < usage.wall, `user ${usage.user} of ${usage.wall}`);
  assert(usage.system >= 0 && usage.system < usage.wall, `system ${usage.system}`);
  assert(usage.maxRss > 200_000 && usage.maxRss < 100_000_000, `maxRss ${usage.maxRss}`);
  const large = await sandbox().output([
    "sh",
    "-c",
    "head -c 50000000 /dev/zero | tail -c 50000000 > /dev/null",
  ]);
  assert(large.usage.maxRss > 45_000_000, `maxRss ${large.usage.maxRss}`);
});

Deno.test("asPid1() makes the command pid 1 itself", async () => {
  const box = sandbox().asPid1();
  assertEquals(await sh(box, "echo $$"), "1\n");
  const { code } = await box.output(["sh", "-c", "exit 7"]);
  assertEquals(code, 7);
  assertMatch(await run(box, ["cat", "/proc/self/status"]), /^CapBnd:\t0{16}$/m);
  assertEquals(await sh(box, "ls /proc/$$/fd"), "0\n1\n2\n");
  assertEquals((await refused(box, ["no-such-program"])).code, "ENOENT");
  // Its namespace ends with it, whatever it started.
  await using child = await box.spawn(["sh", "-c", "sleep 100 & exec sleep 100"], {
    stdin: "null",
  });
  assert(child.pid > 1);
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
});
