/**
 * Pid namespace: the same process has one number inside and another outside, and inside there are
 * no other processes than the sandbox's own.
 *
 *     deno run -A examples/namespaces/pid.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

// Lists all processes there are, then waits for the end of its input.
const script = 'set -- /proc/[0-9]*; echo "$$ $*"; read -r line';

await using child = await sandbox().spawn(["sh", "-c", script], {
  stdin: "piped",
  stdout: "piped",
});
const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
const { value = "" } = await reader.read();
const [own, ...visible] = value.trim().split(" ");

console.log("inside:  I am process", own);
// Number 1 is Paddock's: it reaps orphans, and when it ends, everything inside does.
console.log("inside:  all processes are", visible.map((path) => path.slice(6)).join(", "));

const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
const outside = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name));
console.log("outside: it is process", child.pid);
console.log("outside: there are", outside.length, "processes");
console.log("kernel:  outside and inside are", /^NSpid:\s*(.*)$/m.exec(status)![1]!.split("\t"));

await child.stdin.close();
await child.status;
