/**
 * A sandbox that may reach one name, and a policy that decides about each request to it. For this
 * example, the internet is a server in this program.
 *
 *     deno run -A examples/egress.ts
 *
 * @module
 */

import { egress, egressReport } from "../hooks/egress.ts"; // in your project: "jsr:@paddock/..."
import { sandbox } from "../mod.ts";

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  (request) => new Response(`${request.method} ${new URL(request.url).pathname}: welcome`),
);
const { port } = server.addr;

const box = sandbox().timeout("30s").use(egress({
  allowDomains: ["*.example.com"],
  denyDomains: ["old.example.com"],
  onRequest: ({ listed, path }) => path === "/secret" ? "deny" : listed,
  // Both only because the internet is this machine here.
  lookup: () => ["127.0.0.1"],
  allowAddresses: ["127.0.0.1/32"],
}));

// Nothing but a shell: no proxy, no library; the kernel hands its connections over.
const script = `
get() {
  exec 3<>/dev/tcp/$1/${port} || { echo "$1: no such name"; return; }
  printf 'GET %s HTTP/1.1\\r\\nHost: %s:%s\\r\\n\\r\\n' "$2" "$1" ${port} >&3
  echo "$1$2: $(tail -n 1 <&3)"
}
get www.example.com /
get www.example.com /secret
get old.example.com /
get example.org /
get 10.0.0.1 /
`;
const result = await box.output(["bash", "-c", script]);
console.log(new TextDecoder().decode(result.stdout).trim());

const { decisions, allowed, denied } = egressReport(result)!;
console.log(`${allowed} allowed, ${denied} denied:`);
for (const { protocol, host, verdict, reason } of decisions) {
  console.log(`  ${verdict} ${protocol} ${host}: ${reason}`);
}
await server.shutdown();
