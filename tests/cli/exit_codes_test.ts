import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Ended, paddock, start, text, withFolder } from "./run.ts";

/** Runs a shell script in a default sandbox. */
function script(words: string, ...options: string[]): Promise<Ended> {
  return paddock(["run", ...options, "--", "sh", "-c", words]);
}

Deno.test("the command's output and exit code are paddock's", async () => {
  assertEquals(await script("echo out; echo err >&2; exit 7"), {
    code: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  assertEquals(await script("true"), { code: 0, stdout: "", stderr: "" });
});

Deno.test("the command reads paddock's standard input", async () => {
  assertEquals((await paddock(["run", "cat"], {}, "hello\n")).stdout, "hello\n");
});

Deno.test("128 + N is signal N", async () => {
  assertEquals((await script("kill -TERM $$")).code, 128 + 15);
  assertEquals((await script("kill -KILL $$")).code, 128 + 9);
});

Deno.test("124 is a time limit that was reached", async () => {
  assertEquals(await script("sleep 20", "--timeout", "200ms"), {
    code: 124,
    stdout: "",
    stderr: "paddock: the time limit of 200ms was reached; everything inside was killed\n",
  });
});

const FAILURES: [number, string[], string][] = [
  [125, [], "command line: there is no command; see `paddock --help`"],
  [125, ["rum"], "rum: there is no such command; did you mean `paddock run`?"],
  [125, ["run"], "command line: there is nothing to run"],
  [125, ["run", "--bnd", "/x", "true"], "--bnd: there is no such option; did you mean --bind?"],
  [125, ["run", "-b", "/paddock/not/there", "true"], "/paddock/not/there"],
  [125, ["run", "-w", "/not/there", "true"], 'go to the directory "/not/there"'],
  [125, ["run", "--share", "uts", "--hostname", "x", "true"], "hostname: needs a uts namespace"],
  [125, ["run", "-f", "/paddock/not/there.yaml", "true"], "there is no such file"],
  [126, ["run", "/etc/passwd"], 'execve "/etc/passwd": EACCES'],
  [126, ["run", "/usr"], 'execve "/usr": EACCES'],
  [127, ["run", "paddock-not-there"], 'execve "paddock-not-there": ENOENT'],
  [127, ["run", "/paddock/not/there"], 'execve "/paddock/not/there": ENOENT'],
];

for (const [code, args, words] of FAILURES) {
  Deno.test(`${code} and one line: paddock ${args.join(" ")}`, async () => {
    const ended = await paddock(args);
    assertEquals({ code: ended.code, stdout: ended.stdout }, { code, stdout: "" });
    assertStringIncludes(ended.stderr, words);
    assert(/^paddock: [^\n]+\n$/.test(ended.stderr), ended.stderr);
  });
}

Deno.test("a newline in what an error quotes does not make two lines", async () => {
  const { code, stderr } = await paddock(["run", "-w", "/a\nb", "true"]);
  assertEquals(code, 125);
  assertEquals(stderr.split("\n").length, 2);
});

Deno.test("--debug shows where an error comes from", async () => {
  const { code, stderr } = await paddock(["run", "--debug", "paddock-not-there"]);
  assertEquals(code, 127);
  assertStringIncludes(stderr, "StepError");
  assertStringIncludes(stderr, "    at ");
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
  Deno.test(`${signal} is sent on to the command`, async () => {
    const name = signal.slice(3);
    await using child = start([
      "run",
      ...[
        "--",
        "sh",
        "-c",
        `trap 'echo got ${name}; exit 3' ${name}; echo ready; while :; do sleep 0.02; done`,
      ],
    ]);
    const reader = child.stdout.getReader();
    let seen = text((await reader.read()).value!);
    assertEquals(seen, "ready\n");
    child.kill(signal);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      seen += text(part.value);
    }
    assertEquals(seen, `ready\ngot ${name}\n`);
    assertEquals((await child.status).code, 3);
    await child.stderr.cancel();
  });
}

Deno.test("a command that dies of the signal gives 128 + N", async () => {
  await using child = start(["run", "--", "sh", "-c", "echo ready; exec sleep 20"]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 128 + 15);
  await reader.cancel();
  await child.stderr.cancel();
});

Deno.test("a signal ends a set-up that takes long, and nothing is left", async () => {
  const slow = 'export default { name: "slow", preMount: () => new Promise(() => {}), };';
  await withFolder({ "slow.ts": slow }, async (folder) => {
    await using child = start(["run", "--hook", `${folder}/slow.ts`, "true"]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill("SIGTERM");
    const { code, stderr } = await child.output();
    assertEquals([code, text(stderr)], [128 + 15, ""]);
  });
});

Deno.test("--json tells how it ended, on one line after everything else", async () => {
  const ended = await script("echo err >&2; exit 3", "--json", "--bind-try", "/paddock/not/there");
  const [err, json, rest] = ended.stderr.split("\n");
  assertEquals([ended.code, err, rest], [3, "err", ""]);
  const record = JSON.parse(json!);
  assertEquals(record.code, 3);
  assertEquals(record.success, false);
  assertEquals(record.signal, null);
  assertEquals(record.timedOut, false);
  assertEquals(record.skipped, ["/paddock/not/there"]);
  assertEquals(record.hookErrors, []);
  assert(record.usage.wall > 0 && record.usage.maxRss > 0);
});
