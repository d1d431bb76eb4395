/**
 * Network namespace: three servers listen on the same port of 127.0.0.1 at the same time, one on
 * the host and one in each of two sandboxes, and each client finds its own.
 *
 *     deno run -A examples/namespaces/network.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const { port } = listener.addr as Deno.NetAddr;

// perl serves one client; bash is the client, for it speaks TCP by itself.
const script = `
  perl -MIO::Socket::INET -e '
    my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1:${port}", Listen => 1) or die "$@";
    my $client = $server->accept;
    print $client "hello from $ARGV[0]";
  ' "$1" &
  until exec 3<>/dev/tcp/127.0.0.1/${port}; do sleep 0.02; done 2>/dev/null
  read -r -u 3 answer
  devices=($(tail -n +3 /proc/net/dev | cut -d: -f1))
  echo "$1: port ${port} says '$answer'; devices: \${devices[*]}"
`;

const boxes = ["fern", "moss"].map((name) =>
  sandbox().hostname(name).output(["bash", "-c", script, "bash", name])
);
for (const { stdout, stderr } of await Promise.all(boxes)) {
  console.log(new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr));
}

const [server, client] = await Promise.all([
  listener.accept(),
  Deno.connect({ hostname: "127.0.0.1", port }),
]);
await server.write(new TextEncoder().encode("hello from the host"));
server.close();
const answer = await new Response(client.readable).text();
const devices = new Set(Deno.networkInterfaces().map(({ name }) => name));
console.log(`host: port ${port} says '${answer}'; devices: ${[...devices].join(" ")}`);
