/**
 * Time namespace: inside, the machine was started a thousand days earlier. Only the clocks that
 * count from the start can be shifted; the time of day is the same everywhere.
 *
 *     deno run -A examples/namespaces/time.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

const script = "cut -d' ' -f1 /proc/uptime; date +%s; cat /proc/self/timens_offsets";
const { stdout } = await sandbox()
  .timeOffset({ boottime: "1000d", monotonic: "1000d" })
  .output(["sh", "-c", script]);
const [uptime, now, ...offsets] = new TextDecoder().decode(stdout).trim().split("\n");

const hostUptime = (await Deno.readTextFile("/proc/uptime")).split(" ")[0]!;
const days = (seconds: string) => `${(Number(seconds) / 86_400).toFixed(2)} days`;
console.log("inside:  up", days(uptime!));
console.log("outside: up", days(hostUptime));
console.log("inside: ", new Date(Number(now) * 1000).toISOString());
console.log("outside:", new Date(Math.floor(Date.now() / 1000) * 1000).toISOString());
for (const line of offsets) console.log("inside: ", line.replace(/\s+/g, " "), "nanoseconds");
