import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HookError, sandbox, SpecError, type SyscallError } from "../../../mod.ts";
import { openDescriptors, until } from "../support.ts";
import { get, serve } from "./host.ts";

/** A port of this host that nobody has. */
function freePort(hostname = "127.0.0.1"): number {
  using listener = Deno.listen({ hostname, port: 0 });
  return listener.addr.port;
}

const box = sandbox();

Deno.test("publish: a port of a sandbox without a network, for whoever asks", async () => {
  const [one, other] = [freePort(), freePort()];
  await box.output(["true"]);
  const before = openDescriptors();
  {
    await using alpha = await serve(box.publish(`${one}:8000`), "alpha", 8000);
    await using beta = await serve(box.publish(`127.0.0.1:${other}:8000`), "beta", 8000);
    assertEquals(await get("127.0.0.1", one), "alpha");
    assertEquals(await get("127.0.0.1", other), "beta");
    const many = await Promise.all(Array.from({ length: 50 }, () => get("127.0.0.1", one)));
    assertEquals(new Set(many), new Set(["alpha"]));
    assert(alpha.pid !== beta.pid);
  }
  assertEquals(await get("127.0.0.1", one), "none");
  assert(await until(() => openDescriptors() === before), `${before} ${openDescriptors()}`);
});

Deno.test("publish: low ports inside, and IPv6 outside", async () => {
  const port = freePort("::1");
  await using _ = await serve(box.publish(`[::1]:${port}:80`), "low", 80);
  assertEquals(await get("::1", port), "low");
  assertEquals(await get("127.0.0.1", port), "none");
});

Deno.test("publish: a port that is taken fails the launch, and says which", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const before = openDescriptors();
  const error = await assertRejects(() => box.publish(`${port}:80`).output(["true"]), HookError);
  const cause = (error as HookError).cause as SyscallError;
  assertEquals([cause.syscall, cause.code, cause.path], [
    "bind",
    "EADDRINUSE",
    `127.0.0.1:${port}`,
  ]);
  assert(error.message.includes("to be published"), error.message);
  assert(openDescriptors() <= before);
});

Deno.test("publish: nobody listens inside: who connects is told so, and later served", async () => {
  const port = freePort();
  const script = "read go; exec perl -MIO::Socket::INET -e " +
    `'$s=IO::Socket::INET->new(Listen=>5,LocalPort=>8000); $|=1; print "up\n"; $c=$s->accept; sysread $c,$b,99; print $c "late\n"'`;
  await using child = await box.publish(`${port}:8000`).spawn(["sh", "-c", script], {
    stdin: "piped",
    stdout: "piped",
  });
  await assertRejects(async () => {
    // It may be told before it is known to be connected.
    using early = await Deno.connect({ hostname: "127.0.0.1", port });
    await early.read(new Uint8Array(9));
  });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await child.stdout.getReader().read();
  assertEquals(await get("127.0.0.1", port), "late");
});

Deno.test("publish: large transfers both ways, half-closed, unharmed", async () => {
  const port = freePort();
  // An echo that begins when it has seen the end.
  const echo = "-MIO::Socket::INET -e " +
    `'$s=IO::Socket::INET->new(Listen=>5,LocalPort=>8000); $|=1; print "up\n"; $c=$s->accept; local $/; $d=<$c>; print $c $d'`;
  await using child = await box.publish(`${port}:8000`).spawn(["sh", "-c", `perl ${echo}`], {
    stdin: "null",
    stdout: "piped",
  });
  await child.stdout.getReader().read();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const sent = new Uint8Array(8 << 20);
  for (let at = 0; at < sent.length; at += 4096) {
    crypto.getRandomValues(sent.subarray(at, at + 4096));
  }
  const writing = (async () => {
    for (let at = 0; at < sent.length;) at += await connection.write(sent.subarray(at));
    await connection.closeWrite();
  })();
  const got = await new Response(connection.readable).bytes();
  await writing;
  assertEquals(got.length, sent.length);
  assert(got.every((byte, at) => byte === sent[at]));
});

Deno.test("publish: datagrams find back to each of several clients", async () => {
  const port = freePort();
  const code =
    `$s=IO::Socket::INET->new(Proto=>"udp",LocalAddr=>"127.0.0.1",LocalPort=>5353) or die; $|=1; print "up\\n"; while(1){$s->recv($b,999); $s->send("re:$b")}`;
  await using child = await box.publish(`${port}:5353/udp`)
    .spawn(["perl", "-MIO::Socket::INET", "-e", code], { stdin: "null", stdout: "piped" });
  await child.stdout.getReader().read();
  const { code: exit, stdout } = await new Deno.Command("perl", {
    args: [
      "-MIO::Socket::INET",
      "-e",
      // 100 clients, more than there are sockets inside; each waits for its own answer.
      `for $i (1..100) { $s[$i]=IO::Socket::INET->new(Proto=>"udp",PeerAddr=>"127.0.0.1",PeerPort=>${port}); $s[$i]->send($i); alarm 5; $s[$i]->recv($b,99); die $b if $b ne "re:$i" } print "all"`,
    ],
  }).output();
  assertEquals([exit, new TextDecoder().decode(stdout)], [0, "all"]);
});

Deno.test("publish: what is no port is refused at once", () => {
  for (
    const port of [
      "80",
      "0:80",
      "80:0",
      "65536:80",
      "a:80",
      "1.2.3.4:80",
      "80:80/sctp",
      "::1:80:80",
      "",
    ]
  ) {
    assertThrows(() => box.publish(port), SpecError, "network.publish[0]", port);
  }
  assertThrows(() => box.network("host").publish("80:80"), SpecError, "network.publish");
});
