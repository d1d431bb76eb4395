import { assert, assertEquals } from "@std/assert";
import { DATAGRAM, listenTcp, parseAddress, SocketSupply, STREAM } from "../../lib/net/mod.ts";
import { beginConnect, localAddress, socketError } from "../../lib/net/socket.ts";
import { AF_INET, close, syscall } from "../../lib/sys/mod.ts";

const LOOPBACK = parseAddress("127.0.0.1")!;

function supply(): SocketSupply {
  return new SocketSupply(
    syscall("socket", AF_INET, STREAM, 0),
    syscall("socket", AF_INET, STREAM, 0),
  );
}

/** How many sockets of this program listen. proc(5). */
function listening(): number {
  const own = new Set([...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1] ?? [];
    } catch {
      return [];
    }
  }));
  return Deno.readTextFileSync("/proc/net/tcp").trim().split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === "0A" && own.has(words[9]!)).length;
}

Deno.test("supply: any number of sockets, each fresh, and no port that listens in between", async () => {
  using made = supply();
  const before = listening();
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (let count = 0; count < 50; count++) {
    const fd = made.take();
    beginConnect(fd, LOOPBACK, server.addr.port);
    using connection = await server.accept();
    assertEquals(socketError(fd), 0);
    assertEquals(connection.remoteAddr.transport, "tcp");
    close(fd);
  }
  assertEquals(listening(), before + 1); // this test's server alone
});

Deno.test("supply: what it leaves is closed", () => {
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = descriptors();
  {
    using made = supply();
    const fds = [made.take(), made.take()];
    assert(fds[0] !== fds[1]);
    fds.forEach(close);
  }
  assertEquals(descriptors(), before);
});

Deno.test("sockets: IPv4 and IPv6 have one port side by side, and a taken one says which", () => {
  const first = listenTcp(LOOPBACK, 0);
  const { port } = localAddress(first)!;
  const second = listenTcp(parseAddress("::1")!, port);
  let text = "";
  try {
    listenTcp(LOOPBACK, port, "try another");
  } catch (error) {
    text = String(error);
  }
  assert(
    text.includes(`127.0.0.1:${port}`) && text.includes("EADDRINUSE") &&
      text.includes("try another"),
    text,
  );
  for (const fd of [first, second]) close(fd);
  assert(DATAGRAM !== STREAM);
});
