/**
 * What being connected costs: a launch on a bridge, and a published port against plain loopback.
 *
 * The bridge is one of this program's own network namespace; run by `bench/main.ts` through
 * `unshare -n`, as root with nft, else it is left out.
 *
 * @module
 */

import { sandbox } from "../mod.ts";

/** Figures of a connected sandbox. */
export interface NetworkFigures {
  /** Milliseconds that `network("none")` adds to a launch: medians of paired runs. */
  none: number;
  /** Milliseconds that a bridge adds, which is there already. */
  bridge: number;
  /** Milliseconds that a published port adds. */
  publish: number;
  /** What a published port moves, as a part of what a plain loopback connection moves. */
  forwarder: number;
}

const SERVER = (port: number) =>
  `$s=IO::Socket::INET->new(Listen=>5,LocalAddr=>"127.0.0.1",LocalPort=>${port},ReuseAddr=>1) or die; $|=1; print "up\\n"; ` +
  `while($c=$s->accept){$n=0; while($k=sysread $c,$b,1<<20){$n+=$k} print $c $n; close $c}`;
/** Sends for a second and prints bytes per second, once the other side has counted them. */
const CLIENT = (port: number) =>
  `use Time::HiRes "time"; use IO::Socket::INET; $c=IO::Socket::INET->new("127.0.0.1:${port}") or die; $b="x" x (1<<20); $t=time; ` +
  `while(time-$t<1){$k=syswrite $c,$b; $n+=$k} shutdown $c,1; sysread $c,$r,99; $r==$n or die; print $n/(time-$t)`;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function rate(port: number): Promise<number> {
  const { stdout } = await new Deno.Command("perl", { args: ["-e", CLIENT(port)] }).output();
  return Number(new TextDecoder().decode(stdout));
}

async function forwarder(rounds: number): Promise<number> {
  const command = (port: number) => ["perl", "-MIO::Socket::INET", "-e", SERVER(port)];
  const box = sandbox().publish("17001:7000");
  await using inside = await box.spawn(command(7000), { stdin: "null", stdout: "piped" });
  await inside.stdout.getReader().read();
  const plain = new Deno.Command("perl", { args: command(17000).slice(1), stdout: "piped" })
    .spawn();
  const ready = plain.stdout.getReader();
  await ready.read();
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const direct = await rate(17000);
    ratios.push(await rate(17001) / direct);
  }
  await ready.cancel();
  plain.kill("SIGKILL");
  await plain.status;
  return median(ratios);
}

/** Measures in this program's namespace. */
export async function benchNetwork(rounds: number): Promise<NetworkFigures> {
  const boxes = {
    plain: sandbox(),
    none: sandbox().network("none"),
    bridge: sandbox().network("bridge", { bridge: "bench" }),
    publish: sandbox().publish("17002:80"),
  };
  await using _ = await boxes.bridge.spawn(["sleep", "1000"], { stdin: "null" });
  const added: Record<string, number[]> = { none: [], bridge: [], publish: [] };
  for (let round = -5; round < rounds; round++) {
    const times: Record<string, number> = {};
    for (const [name, box] of Object.entries(boxes)) {
      const began = performance.now();
      await box.output(["true"]);
      times[name] = performance.now() - began;
    }
    if (round < 0) continue;
    for (const name of Object.keys(added)) added[name]!.push(times[name]! - times.plain!);
  }
  return {
    none: median(added.none!),
    bridge: median(added.bridge!),
    publish: median(added.publish!),
    forwarder: await forwarder(5),
  };
}

if (import.meta.main) {
  console.log(JSON.stringify(await benchNetwork(Number(Deno.args[0] ?? 100))));
}

/** Measures in a network namespace of its own; `undefined` where that cannot be done. */
export async function benchNetworkApart(rounds: number): Promise<NetworkFigures | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const words = [Deno.execPath(), "run", "-A", new URL(import.meta.url).pathname, String(rounds)];
  const { success, stdout } = await new Deno.Command("unshare", {
    args: ["-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", ...words],
  }).output();
  return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
}
