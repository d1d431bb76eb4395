/**
 * A pod: a server and those who ask it share one network and one name, and nothing else.
 *
 *     deno run -A examples/pod.ts
 *
 * @module
 */

import { pod, sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const SERVER = `use IO::Socket::INET; $| = 1;
  my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8080", Listen => 5, ReuseAddr => 1) or die;
  print "up"; while (my $c = $s->accept) { print $c "$ARGV[0] answers on ", \`hostname\`; close $c }`;
const CLIENT = `use IO::Socket::INET;
  my $s = IO::Socket::INET->new("127.0.0.1:8080") or die "nobody listens\\n"; print <$s>`;

await using together = await pod({ share: ["net", "uts"], hostname: "fern" });

/** Starts the server and waits until it listens. */
async function serve(name: string) {
  const child = await together.start(sandbox().tmpfs(`/${name}`), ["perl", "-e", SERVER, name], {
    stdout: "piped",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  return child;
}

/** A member that sees the others' network, but neither their files nor their processes. */
async function ask(): Promise<string> {
  const box = sandbox().timeout("5s");
  const { stdout, stderr } = await together.output(box, ["perl", "-e", CLIENT]);
  return new TextDecoder().decode(stdout.length > 0 ? stdout : stderr).trim();
}

const first = await serve("first");
console.log(await ask()); // first answers on fern

first.kill("SIGKILL");
await first.status;
console.log(await ask()); // nobody listens

await using _second = await serve("second");
console.log(await ask()); // second answers on fern
console.log(`${together.members} member runs; process ${together.pid} holds the pod`);
