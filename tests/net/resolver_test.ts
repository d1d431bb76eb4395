import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { defineHook, sandbox } from "../../mod.ts";
import { openInside, parseAddress, parseNameservers, StubResolver } from "../../lib/net/mod.ts";
import {
  decodeQuestion,
  encodeAnswer,
  NAME_ERROR,
  TYPE_A,
  TYPE_AAAA,
} from "../../lib/net/resolver/dns_message.ts";
import { inFolder, sh, text } from "../integration/support.ts";

/** A query as glibc sends it. */
function query(name: string, type: number, id = 0x1234): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").flatMap((
    label,
  ) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.from([
    id >> 8,
    id & 255,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    ...labels,
    0,
    0,
    type,
    0,
    1,
  ]);
}

Deno.test("dns: a question is read, and answered with what is of its type", () => {
  const bytes = query("Alpha.Blue", TYPE_A);
  const question = decodeQuestion(bytes)!;
  assertEquals(question, { name: "alpha.blue", type: TYPE_A, end: bytes.length });
  const answer = encodeAnswer(bytes, question, [
    parseAddress("10.0.0.7")!,
    parseAddress("fd00::7")!,
  ]);
  const view = new DataView(answer.buffer);
  assertEquals([view.getUint16(0), view.getUint16(2), view.getUint16(6)], [0x1234, 0x8180, 1]);
  assertEquals([...answer.slice(-4)], [10, 0, 0, 7]);
  const wide = query("alpha.blue", TYPE_AAAA);
  assertEquals(encodeAnswer(wide, decodeQuestion(wide)!, [parseAddress("10.0.0.7")!])[7], 0);
  assertEquals(encodeAnswer(bytes, question, [], NAME_ERROR)[3]! & 15, NAME_ERROR);
});

Deno.test("dns: whatever bytes come, there is a question or there is none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const own = new Uint8Array(bytes);
      const question = decodeQuestion(own);
      if (question === undefined) return;
      assert(question.end <= own.length);
      encodeAnswer(own, question, [parseAddress("10.0.0.7")!]);
    }),
    { numRuns: 20_000 },
  );
  for (
    const bad of [
      query("a", 1).slice(0, 11),
      query("a", 1).slice(0, -1),
      query("x".repeat(64), 1),
      // An answer, two questions, another class, a pointer into itself.
      query("a", 1).with(2, 0x81),
      query("a", 1).with(5, 2),
      query("a", 1).with(-1, 3),
      query("a", 1).with(12, 0xc0),
    ]
  ) assertEquals(decodeQuestion(new Uint8Array(bad)), undefined);
});

Deno.test("resolv.conf: name servers, and nothing that is none", () => {
  const words =
    "# nameserver 1.1.1.1\nnameserver 9.9.9.9\n  nameserver ::1\nnameserver fe80::1%eth0\nnameserver x\nsearch a\n";
  assertEquals(parseNameservers(words), ["9.9.9.9", "::1"]);
  assertEquals(parseNameservers(""), []);
});

Deno.test("resolver: local names, the host's name servers, and no word of names without a dot", async () => {
  const asked: string[] = [];
  // A name server on the host's loopback, where nobody inside could reach it.
  const upstream = Deno.uid() === 0 ? "127.0.0.99" : undefined;
  const program = `
use IO::Socket::INET; $s=IO::Socket::INET->new(Proto=>"udp",LocalAddr=>"127.0.0.99",LocalPort=>53) or die; $|=1; print "up\\n";
while($s->recv($b,999)){ ($n)=unpack("x12 C/a",$b); print "$n\\n"; substr($b,2,2)="\\x81\\x80"; substr($b,6,6)="\\0\\1\\0\\0\\0\\0"; $q=substr($b,0,12+index(substr($b,12),"\\0")+5); $s->send($q."\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\xc6\\x33\\x64\\x09") }`;
  const server = upstream &&
    new Deno.Command("perl", { args: ["-e", program], stdout: "piped" }).spawn();
  const lines = server && server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines?.read();
  const box = sandbox().file("/etc/resolv.conf", "nameserver 127.0.0.53\n").use(defineHook({
    name: "names",
    async networkSetup({ inside, defer }) {
      // The C library asks for no IPv4 addresses where there is none but that of loopback.
      await inside.link.add({ kind: "bridge", name: "br0", up: true });
      await inside.address.add({ link: "br0", address: "10.0.0.2/24" });
      const sockets = await openInside(inside);
      sockets.netlink.close();
      const resolver = StubResolver.open(sockets, {
        names: (name) => {
          asked.push(name);
          return name === "near" ? [parseAddress("10.0.0.7")!] : undefined;
        },
        nameservers: upstream === undefined ? [] : ["127.0.0.98", upstream],
      });
      defer(() => resolver[Symbol.dispose]());
    },
  }));
  const script =
    "getent ahostsv4 near | head -1; getent ahostsv4 nobody || echo none; getent ahostsv4 far.example | head -1";
  const out = (await sh(box, script)).split("\n");
  assert(out[0]!.startsWith("10.0.0.7 "), out.join());
  assertEquals(out[1], "none");
  assert(asked.includes("nobody"));
  if (upstream !== undefined) {
    assert(out[2]!.startsWith("198.51.100.9 "), out.join());
    // It was asked for that one, and not for the others.
    assertEquals(new Set((await lines!.read()).value!.trim().split("\n")), new Set(["far"]));
    await lines!.cancel();
    server!.kill("SIGKILL");
    await server!.status;
  }
});

Deno.test("names: a root directory's own files are covered only where they are", async () => {
  const { withNameFiles } = await import("../../lib/net/mod.ts");
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/etc`);
    await Deno.writeTextFile(`${folder}/etc/hosts`, "");
    const spec = sandbox().root(folder).spec;
    const targets = withNameFiles(spec, { hosts: "h", resolvConf: "r" }).mounts.map((it) =>
      it.target
    );
    assert(targets.includes("/etc/hosts"));
    assert(!targets.includes("/etc/resolv.conf"));
    assertEquals(withNameFiles(sandbox().share("mount").spec, { hosts: "h" }).mounts, []);
  });
  const own = sandbox().file("/etc/hosts", "mine").spec;
  const hosts = withNameFiles(own, { hosts: "ours" }).mounts.filter((it) =>
    it.target === "/etc/hosts"
  );
  assertEquals(
    hosts.map((it) => "contents" in it && text(new TextEncoder().encode(String(it.contents)))),
    ["ours", "mine"],
  );
});
