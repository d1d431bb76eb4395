/** A process is told from another one that has its pid. */
import { assert, assertEquals } from "@std/assert";
import { identityOf, isAlive, openProcess } from "../../lib/state/identity.ts";
import { close } from "../../lib/sys/file.ts";
import { pidOfPidfd } from "../../lib/sys/pidfd.ts";

Deno.test("a process that lives is found by its identity", () => {
  const identity = identityOf(Deno.pid);
  const pidfd = openProcess(identity);
  assert(pidfd !== undefined);
  assertEquals(pidOfPidfd(pidfd), Deno.pid);
  close(pidfd);
});

Deno.test("another start time, inode or boot under the same pid is another process", () => {
  const identity = identityOf(Deno.pid);
  const { inode: _, ...older } = identity;
  assert(isAlive(older));
  // As it would have been written before the pid came round to this program.
  assert(!isAlive({ ...older, start: `${Number(older.start) - 1}` }));
  assert(!isAlive({ ...identity, boot: "another" }));
  if (identity.inode === undefined) {
    console.warn("skipped: the inodes of pidfds: this kernel has none");
  } else assert(!isAlive({ ...identity, inode: `${BigInt(identity.inode) + 1n}` }));
});

Deno.test("a process that has ended is not alive, also before anybody has waited for it", async () => {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  const identity = identityOf(child.pid);
  assert(isAlive(identity));
  child.kill("SIGKILL");
  await child.status;
  assert(!isAlive(identity));
  // A zombie: the shell becomes sleep, which does not wait for its child.
  const shell = new Deno.Command("sh", {
    args: ["-c", "sleep 0.2 & echo $!; exec sleep 60"],
    stdout: "piped",
  }).spawn();
  const reader = shell.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  const zombie = () => Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
  while (!zombie()) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!isAlive(identityOf(pid)));
  shell.kill("SIGKILL");
  await shell.status;
  await reader.cancel();
});

Deno.test("a thread's number is no process", () => {
  const identity = identityOf(Deno.pid);
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
  const thread = threads.find((number) => number !== Deno.pid);
  assert(thread !== undefined);
  assert(!isAlive({ ...identity, pid: thread }));
});
