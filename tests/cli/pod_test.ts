import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Ended, paddock, start, text, withFolder } from "./run.ts";

/** Runs a pod of this file. */
async function runFile(file: string, ...options: string[]): Promise<Ended> {
  let ended: Ended | undefined;
  await withFolder({ "pod.yaml": file }, async (folder) => {
    ended = await paddock(["pod", "-f", `${folder}/pod.yaml`, ...options]);
    ended = { ...ended, stderr: ended.stderr.replaceAll(`${folder}/`, "") };
  });
  return ended!;
}

Deno.test("paddock pod runs all members in one network and under one name", async () => {
  const listening = `use IO::Socket::INET; my $s = IO::Socket::INET->new(
      LocalAddr => '127.0.0.1:8080', Listen => 1) or die $!;
      my $c = $s->accept; print $c 'from ' . \`hostname\`; close $c;`;
  const asking = `use IO::Socket::INET; my $s;
      until ($s = IO::Socket::INET->new('127.0.0.1:8080')) { select undef, undef, undef, 0.02 }
      print <$s>; print STDERR 'no newline';`;
  const { code, stdout, stderr } = await runFile(`
hostname: fern
members:
  web: { command: [perl, -e, "${listening.replaceAll("\n", " ")}"] }
  client:
    command: [perl, -e, "${asking.replaceAll("\n", " ")}"]
    timeout: 20s
`);
  assertEquals([code, stdout, stderr], [0, "client | from fern\n", "client | no newline\n"]);
});

Deno.test("its exit code is that of the first member that did not end well", async () => {
  const members = (first: string, second: string) =>
    `members:\n  a: { command: [sh, -c, "${first}"] }\n  b: { command: [sh, -c, "${second}"] }\n`;
  assertEquals((await runFile(members("exit 0", "exit 0"))).code, 0);
  const { code, stderr } = await runFile(members("sleep 0.5; exit 4", "exit 3"), "--json");
  assertEquals(code, 3);
  const { version, members: ends } = JSON.parse(stderr);
  assertEquals(version, 1);
  assertEquals(
    ends.map(({ name, code, starts }: { name: string; code: number; starts: number }) => [
      name,
      code,
      starts,
    ]),
    [["b", 3, 1], ["a", 4, 1]],
  );
  const missing = await runFile("members: { a: { command: [no-such-program] } }");
  assertEquals(missing.code, 127);
  assertStringIncludes(missing.stderr, "paddock: a: ");
  const killed = await runFile(members("kill -9 $$", "true"));
  assertEquals([killed.code, killed.stderr], [
    137,
    "paddock: a: the command was killed by SIGKILL\n",
  ]);
});

Deno.test("a member that is to be restarted is", () =>
  withFolder({ "pod.yaml": "" }, async (folder) => {
    // The third time is the charm.
    const script = "echo x >>/count/n; test $(wc -l </count/n) = 3";
    await Deno.writeTextFile(
      `${folder}/pod.yaml`,
      `members:
  a:
    restart: on-failure
    command: [sh, -c, "${script}"]
    mounts: [{ kind: bind, source: ., target: /count, writable: true }]
`,
    );
    const { code, stderr } = await paddock(["pod", "-f", `${folder}/pod.yaml`, "--json"]);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stderr).members[0].starts, 3);
  }));

Deno.test("a signal ends the members, and is not taken for a failure to be repaired", () =>
  withFolder({
    "pod.yaml": `members:
  a: { command: [sh, -c, "trap 'echo told; exit 0' TERM; echo up; while :; do sleep 0.05; done"], restart: always }
  b: { command: [sleep, "100"] }
`,
  }, async (folder) => {
    const child = start(["pod", "-f", `${folder}/pod.yaml`]);
    const reader = child.stdout.getReader();
    let stdout = "";
    for (let chunk; !(chunk = await reader.read()).done;) {
      stdout += text(chunk.value);
      if (stdout === "a | up\n") child.kill("SIGTERM");
    }
    const { code } = await child.status;
    const stderr = await new Response(child.stderr).bytes();
    assertEquals(stdout, "a | up\na | told\n");
    assertEquals([code, text(stderr)], [143, ""]);
  }));

Deno.test("a wrong file is an error with its line", async () => {
  const wrong: [string, string][] = [
    ["members: {}", "pod.yaml:1:1: members: there are none; name one at least"],
    ["share: [net]", "pod.yaml:1:1: "],
    ["share: [mount]\nmembers: { a: { command: [id] } }", "pod.yaml:1:9: share[0]: "],
    ["members:\n  a: { cmd: [id] }", "pod.yaml:2:"],
    ["members:\n  a: { command: [id], hostname: b }", "members share one; give it to the pod"],
    ["members:\n  a: { command: [id], tty: true }", "pod.yaml:2:23: members.a.tty: "],
    ["members:\n  'a b': { command: [id] }", "pod.yaml:2:"],
    ["hostname: a\nshare: [net]\nmembers: { a: { command: [id] } }", "hostname: "],
  ];
  for (const [file, message] of wrong) {
    const { code, stdout, stderr } = await runFile(file);
    assertEquals([code, stdout], [125, ""], file);
    assertStringIncludes(stderr, message);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  }
  const none = await paddock(["pod", "-f", "/nowhere/pod.yaml"]);
  assertEquals(none.code, 125);
  assertStringIncludes(none.stderr, '"/nowhere/pod.yaml" cannot be read');
});
