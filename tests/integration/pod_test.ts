/** Pods: what members share and what not, how they start and end, and what ends all. */
import { CAN_LIMIT, WHY_NOT } from "../cgroup/support.ts";
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { pod, type PodShare, sandbox, SandboxError, SpecError } from "../../mod.ts";
import {
  installed,
  namespaceOf,
  processesWith,
  ROOT,
  runProgram,
  testIf,
  text,
  until,
} from "./support.ts";

const FILES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/** Which namespaces two members of a pod have in common. */
async function common(share?: PodShare[]): Promise<string[]> {
  await using together = await pod({ share });
  // Both at a time, for the number of one that is gone is given again.
  await using first = await together.start(sandbox(), ["sleep", "100"]);
  await using second = await together.start(sandbox(), ["sleep", "100"]);
  for (const file of FILES) {
    assertNotEquals(namespaceOf(first.pid, file), namespaceOf("self", file));
  }
  return FILES.filter((file) => namespaceOf(first.pid, file) === namespaceOf(second.pid, file));
}

Deno.test("members share net, ipc and uts, and nothing else but what that takes", async () => {
  const user = ROOT ? [] : ["user"];
  assertEquals(await common(), ["ipc", "net", ...user, "uts"]);
  assertEquals(await common(["ipc"]), ["ipc", ...user]);
  assertEquals(await common(["pid", "net"]), ["net", "pid", "user"]);
});

Deno.test("members reach each other on loopback, and have the pod's name", async () => {
  await using together = await pod({ hostname: "fern" });
  const script = `use IO::Socket::INET; $| = 1;
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 80 + 8000, Listen => 1) or die $!;
    print "listening\\n"; my $c = $s->accept; print $c "from " . \`hostname\`; close $c;`;
  await using server = await together.start(sandbox(), ["perl", "-e", script], { stdout: "piped" });
  const reader = server.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "listening\n");
  const client = `use IO::Socket::INET;
    my $s = IO::Socket::INET->new("127.0.0.1:8080") or die $!; print <$s>;`;
  const { stdout, stderr } = await together.output(sandbox(), ["perl", "-e", client]);
  assertEquals([text(stdout), text(stderr)], ["from fern\n", ""]);
  assertEquals((await server.status).code, 0);
  await reader.cancel();
});

Deno.test("members start, end and start again on their own", async () => {
  await using together = await pod();
  await using first = await together.start(sandbox(), ["sleep", "100"]);
  const second = await together.start(sandbox(), ["sleep", "100"]);
  assertEquals(together.members, 2);
  const net = namespaceOf(second.pid, "net");
  second.kill("SIGKILL");
  assertEquals((await second.status).signal, "SIGKILL");
  await using again = await together.start(sandbox(), ["sleep", "100"]);
  assertEquals(namespaceOf(again.pid, "net"), net);
  assertEquals(namespaceOf(first.pid, "net"), net);
  assertNotEquals(namespaceOf(first.pid, "mnt"), namespaceOf(again.pid, "mnt"));
});

Deno.test("with pid members see each other, and what one leaves behind is reaped", async () => {
  await using together = await pod({ share: ["pid"] });
  await using first = await together.start(sandbox(), ["sleep", "117"]);
  const ps = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done";
  const { stdout, stderr } = await together.output(sandbox(), ["sh", "-c", ps]);
  assertEquals(text(stderr), "");
  assertStringIncludes(text(stdout), "sleep 117 \n");
  // The pod's processes, and none of the host's: it is no bind of the host's proc.
  assertEquals(text(stdout).includes("deno"), false);
  first.kill("SIGKILL");
  await first.status;
  // Nobody waits for it: its parent is the pod's first process then.
  await together.output(sandbox(), ["sh", "-c", "(setsid sleep 0.05 &) & exit"]);
  const zombies = async () => {
    const states = await together.output(sandbox(), ["sh", "-c", "cat /proc/[0-9]*/stat"]);
    return /\) Z /.test(text(states.stdout));
  };
  assert(await until(async () => !await zombies()));
});

Deno.test("what the pod has is not a member's to say", async () => {
  await using together = await pod({ share: ["net", "uts"] });
  const wrong = [
    ["hostname", sandbox().hostname("other")],
    ["network", sandbox().network("none", { allowDomains: ["deno.land"] })],
    ["namespaces.net", sandbox().share("net")],
    ["namespaces.uts", sandbox().join("uts", { pid: Deno.pid })],
  ] as const;
  for (const [field, box] of wrong) {
    const error = await assertRejects(() => together.output(box, ["true"]), SpecError);
    assertEquals(error.field, field);
    assertStringIncludes(error.message, "the pod's members share");
  }
  for (
    const [field, options] of [
      ["share", { share: [] }],
      ["share", { share: ["mount"] as unknown as PodShare[] }],
      ["hostname", { share: ["net"] as PodShare[], hostname: "a" }],
      ["network", { share: ["uts"] as PodShare[], network: { mode: "none" as const } }],
      ["network.mode", { network: { mode: "host" as const } }],
      ["shre", { shre: [] } as object],
    ] as const
  ) {
    assertEquals((await assertRejects(() => pod(options), SpecError)).field, field);
  }
});

Deno.test("a pod that is disposed of takes its members along", async () => {
  const together = await pod();
  const child = await together.start(sandbox(), ["sleep", "100"]);
  const output = together.output(sandbox(), ["sleep", "100"]);
  const failed = assertRejects(() => output, SandboxError, "disposed of");
  await until(() => together.members === 2);
  await together[Symbol.asyncDispose]();
  await assertRejects(() => child.status, SandboxError, "disposed of");
  await failed;
  await assertRejects(() => together.output(sandbox(), ["true"]), SandboxError, "has ended");
});

testIf(
  ROOT,
  "an ordinary user may not signal it",
  "when who holds a pod is killed, all end",
  async () => {
    await using together = await pod();
    const child = await together.start(sandbox(), ["sleep", "100"]);
    Deno.kill(together.pid, "SIGKILL");
    await assertRejects(() => child.status, SandboxError, "was killed; its members ended");
    await together.ended;
    await assertRejects(() => together.output(sandbox(), ["true"]), SandboxError, "has ended");
  },
);

Deno.test("a pod ends with its program", async () => {
  const tag = `paddock-pod-${Deno.pid}`;
  const { code, stderr } = await runProgram(`
    const { pod } = await import(${JSON.stringify(import.meta.resolve("../../mod.ts"))});
    const together = await pod();
    await together.start(sandbox(), ["sh", "-c", "sleep 100", "${tag}"]);
    Deno.kill(Deno.pid, "SIGKILL");
  `);
  assertEquals([code, stderr], [137, ""]);
  assert(await until(() => processesWith(tag).length === 0));
});

Deno.test("members cannot make user namespaces, nor signal who holds the pod", async () => {
  await using together = await pod({ share: ["pid", "net"] });
  const script = "unshare -U true && echo made; kill -9 1; sleep 0.1; echo still";
  const { stdout } = await together.output(sandbox(), ["sh", "-c", script]);
  assertEquals(text(stdout), "still\n");
  const { stdout: alive } = await together.output(sandbox(), ["echo", "alive"]);
  assertEquals(text(alive), "alive\n");
});

Deno.test("who holds a pod takes a few pages, and has no rights left", async () => {
  await using together = await pod();
  const status = Deno.readTextFileSync(`/proc/${together.pid}/status`);
  for (
    const field of ["CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"]
  ) {
    assertStringIncludes(status, field);
  }
  // Of an ordinary user's no memory is to be seen.
  if (!ROOT) return;
  const rollup = Deno.readTextFileSync(`/proc/${together.pid}/smaps_rollup`);
  const pss = Number(/^Pss:\s*(\d+)/m.exec(rollup)![1]);
  assert(pss <= 64, `${pss} KiB`);
});

const server = `use IO::Socket::INET; $| = 1;
  my $s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die $!;
  print "listening\\n"; while (my $c = $s->accept) { print $c $ARGV[0]; close $c; }`;

/** What is heard at a port of the host's. */
async function heard(port: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  return await new Response(connection.readable).text();
}

Deno.test("the pod's ports are published once, whichever member listens", async () => {
  // One that is free.
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr as Deno.NetAddr;
  probe.close();
  const publish = [`127.0.0.1:${port}:8080`];
  await using together = await pod({ network: { mode: "none", publish } });
  for (const name of ["first", "second"]) {
    const child = await together.start(sandbox(), ["perl", "-e", server, name], {
      stdout: "piped",
    });
    const reader = child.stdout.getReader();
    assertEquals(text((await reader.read()).value!), "listening\n");
    assertEquals(await heard(port), name);
    await reader.cancel();
    await child[Symbol.asyncDispose]();
  }
});

testIf(
  ROOT && installed("nft") && installed("ip"),
  "it takes root, nft and ip",
  "a pod has one address on a bridge, and its members its resolver",
  async () => {
    await using together = await pod({ network: { mode: "bridge" }, hostname: "fern" });
    const script = "ip -4 -o addr show eth0 | awk '{ print $4 }'; cat /etc/resolv.conf /etc/hosts";
    const one = text((await together.output(sandbox(), ["sh", "-c", script])).stdout);
    const two = text((await together.output(sandbox(), ["sh", "-c", script])).stdout);
    assertEquals(one, two);
    assertStringIncludes(one, "10.213.");
    assertStringIncludes(one, "nameserver 127.0.0.53");
  },
);

const limited = (name: string, fn: () => Promise<void>) => testIf(CAN_LIMIT, WHY_NOT, name, fn);

limited("the pod's limits are of all members together, and each has its own below", async () => {
  const path = await (async () => {
    await using together = await pod({ limits: { memory: "96M", pids: 40 } });
    // Each would fit alone; whoever comes second is too much, and one of the two has to go.
    const eat = "$| = 1; my @x; push @x, 'a' x 1048576 for 1 .. 64; print 'full';";
    await using first = await together.start(
      sandbox(),
      ["perl", "-e", `${eat} sleep 100`],
      { stdout: "piped" },
    );
    const reader = first.stdout.getReader();
    assertEquals(text((await reader.read()).value!), "full");
    assertStringIncludes(first.cgroup!.path, `${together.cgroup!.path}/`);
    assert(together.cgroup!.statistics().memory!.current > 60 * 2 ** 20);
    const second = await together.output(sandbox(), ["perl", "-e", eat]);
    assert(
      second.signal === "SIGKILL" || (await first.status).signal === "SIGKILL",
      JSON.stringify([second.code, text(second.stdout)]),
    );
    await first[Symbol.asyncDispose]();
    const own = sandbox().limits({ pids: 3 });
    const fork =
      "my $n = 0; for (1 .. 9) { my $p = fork; last unless defined $p; $n++; $p or exec 'sleep', '1' } print $n";
    const { stdout } = await together.output(own, ["perl", "-e", fork]);
    assertEquals(text(stdout), "2");
    await reader.cancel();
    return together.cgroup!.path;
  })();
  assert(!(await Deno.stat(path).then(() => true, () => false)), path);
});

limited("a pod's cgroup that was left is removed by the next program that makes one", async () => {
  const { stdout } = await runProgram(`
    const { pod } = await import(${JSON.stringify(import.meta.resolve("../../mod.ts"))});
    const together = await pod({ limits: { memory: "64M" } });
    await together.start(sandbox(), ["sleep", "100"]);
    console.log(together.cgroup.path);
    Deno.kill(Deno.pid, "SIGKILL");
  `);
  const path = stdout.trim();
  assert(path !== "");
  await until(async () => {
    await using _next = await pod({ limits: { memory: "64M" } });
    return !(await Deno.stat(path).then(() => true, () => false));
  });
  assert(!(await Deno.stat(path).then(() => true, () => false)), path);
});
