/**
 * User namespace: who is root inside is nobody of importance outside; and a user of one sandbox is
 * unknown in another.
 *
 *     deno run -A examples/namespaces/user.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

// Root inside. The kernel translates: /proc/PID/status shows the ids of whoever looks.
await using root = await sandbox().user(0).spawn(["sh", "-c", "id -un; id -u; read -r line"], {
  stdin: "piped",
  stdout: "piped",
});
const reader = root.stdout.pipeThrough(new TextDecoderStream()).getReader();
let seen = "";
while (seen.split("\n").length < 3) seen += (await reader.read()).value ?? "\n\n\n";
const [name, uid] = seen.split("\n");
const status = await Deno.readTextFile(`/proc/${root.pid}/status`);
const outside = /^Uid:\s*(\d+)/m.exec(status)![1];
console.log(`inside:  ${name}, uid ${uid}`);
console.log(`outside: uid ${outside} (this program has uid ${Deno.uid()})`);
const capabilities = /^CapEff:\s*(\w+)/m.exec(status)![1];
console.log(`outside: its capabilities are ${capabilities}, that is none`);
await root.stdin.close();

// A sandbox with an account of its own, and one without.
const accounts = "root:x:0:0::/:/bin/sh\nann:x:1234:1234:Ann of the sandbox:/tmp:/bin/sh\n";
const home = sandbox().file("/etc/passwd", accounts).user(1234);
for (const [where, box] of [["first", home], ["second", sandbox().user(1234)]] as const) {
  const { stdout, success } = await box.output(["getent", "passwd", "ann"]);
  console.log(`${where} sandbox: ${success ? text(stdout) : "who is ann?"}`);
}
const host = (await Deno.readTextFile("/etc/passwd")).split("\n");
console.log(`host: ${host.find((line) => line.startsWith("ann:")) ?? "who is ann?"}`);
