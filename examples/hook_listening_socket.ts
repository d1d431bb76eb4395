/**
 * A hook makes a listening socket inside of a sandbox that has no network, and this program serves
 * it from outside: port 80 of the sandbox's loopback device is TypeScript on the host.
 *
 *     deno run -A examples/hook_listening_socket.ts
 *
 * @module
 */

import { createServer, type Server } from "node:net";
import { defineHook, sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from "../lib/sys/mod.ts"; // ".../paddock/sys"

/** `struct sockaddr_in` for 127.0.0.1. ip(7). */
function loopbackAddress(port: number): Uint8Array {
  // The family is in the machine's byte order (little-endian); port and address never are.
  return Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
}

const service = defineHook({
  name: "service",
  async networkSetup(ctx) {
    // Three system calls in the sandbox's first process; the descriptor comes out to us.
    const { fds } = await ctx.inside.run({
      operations: [
        { call: "socket", args: [AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0], store: "socket" },
        { call: "bind", args: [{ load32: "socket" }, loopbackAddress(80), 16] },
        { call: "listen", args: [{ load32: "socket" }, 16] },
      ],
      send: ["socket"],
    });
    const server = await serve(fds[0]!);
    ctx.defer(() => server.close());
    console.log("host:    serving the sandbox's port 80, in", Deno.readLinkSync(ctx.netns));
  },
});

function serve(fd: number): Promise<Server> {
  const server = createServer((socket) => {
    console.log("host:    a client from inside");
    socket.end(`this is ${Deno.hostname()}, outside, uid ${Deno.uid()}`);
  });
  return new Promise((resolve) => server.listen({ fd }, () => resolve(server)));
}

const script = "exec 3<>/dev/tcp/127.0.0.1/80; read -r -u 3 answer; echo $answer";
const { stdout } = await sandbox().use(service).output(["bash", "-c", script]);
console.log("inside: ", new TextDecoder().decode(stdout).trim());
console.log("host:    itself is in", Deno.readLinkSync("/proc/self/ns/net"));
