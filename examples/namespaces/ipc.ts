/**
 * IPC namespace: 64 MiB of System V shared memory, made in one sandbox, are not there in another,
 * nor on the host; and they are gone when the sandbox is.
 *
 *     deno run -A examples/namespaces/ipc.ts
 *
 * In a project of your own: `import { sandbox } from "jsr:@paddock/paddock";`
 *
 * @module
 */

import { sandbox } from "../../mod.ts";

const FILE = "/proc/sysvipc/shm";
const SIZE = 64 * 1024 * 1024;

/** How many segments of that size a table of the kernel lists; the fourth column is the size. */
function segments(table: string): number {
  return table.split("\n").filter((line) => line.trim().split(/\s+/)[3] === String(SIZE)).length;
}

const before = segments(await Deno.readTextFile(FILE));
const script = `ipcmk -M 64M >/dev/null && cat ${FILE}; read -r line`;
const first = await sandbox().spawn(["sh", "-c", script], { stdin: "piped", stdout: "piped" });
const reader = first.stdout.pipeThrough(new TextDecoderStream()).getReader();
const { value = "" } = await reader.read();
console.log("first sandbox: ", segments(value), "segment of 64 MiB");

// The first one still runs.
const second = await sandbox().output(["cat", FILE]);
console.log("second sandbox:", segments(new TextDecoder().decode(second.stdout)));
console.log("host:          ", segments(await Deno.readTextFile(FILE)) - before);

await first.stdin.close();
await first.status;
console.log("after the end: ", segments(await Deno.readTextFile(FILE)) - before);
