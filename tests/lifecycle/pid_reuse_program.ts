/**
 * Runs as pid 1's child of a pid namespace with few pids: kills a keeper, and goes on until the pids
 * of its sandbox are those of others. Prints what became of them.
 *
 * @module
 */

import { killAll, signalProcess } from "../../lib/run/detached/processes.ts";
import { startDetached } from "../../lib/run/detached/start.ts";
import { isAlive, statOf } from "../../lib/state/identity.ts";
import type { SandboxRecord } from "../../lib/state/record.ts";
import { P_PID } from "../../lib/sys/abi/wait.ts";
import { waitid } from "../../lib/sys/wait.ts";
import { sandbox } from "../../mod.ts";

/** The least that the kernel takes is a little more than the pids that it reserves. */
Deno.writeTextFileSync("/proc/sys/kernel/pid_max", "400");

/** Starts a process that sleeps, and ends it at once unless it is wanted. */
async function sleeper(isWanted: (pid: number) => boolean): Promise<Deno.ChildProcess> {
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  if (!isWanted(child.pid)) {
    child.kill("SIGKILL");
    await child.status;
  }
  return child;
}

// The first 300 are given only once.
while ((await sleeper(() => false)).pid < 310);

const record = await startDetached(sandbox().spec, [], ["sleep", "60"], {});
const { keeper, first, command } = record.processes!;
const wanted = new Set([keeper.pid, first.pid, command.pid]);
Deno.kill(keeper.pid, "SIGKILL");
// It is this program's child, and has a pid until it is waited for.
waitid(P_PID, keeper.pid);
while ([keeper, first, command].some(({ pid }) => statOf(pid) !== undefined)) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const heirs: Deno.ChildProcess[] = [];
for (let turn = 0; turn < 2000 && heirs.length < wanted.size; turn++) {
  const child = await sleeper((pid) => wanted.has(pid));
  if (wanted.has(child.pid)) heirs.push(child);
}

/** As an older kernel would have written it. */
const older: SandboxRecord = {
  ...record,
  processes: {
    keeper: { ...keeper, inode: undefined },
    first: { ...first, inode: undefined },
    command: { ...command, inode: undefined },
  },
};
const told: boolean[] = [];
for (const one of [record, older]) {
  for (const role of ["keeper", "first", "command"] as const) {
    told.push(signalProcess(one, role, 9), isAlive(one.processes![role]));
  }
  await killAll(one);
}
const alive = heirs.filter(({ pid }) => !"ZX".includes(statOf(pid)?.state ?? "X")).length;
console.log(JSON.stringify({ heirs: heirs.length, alive, told: told.some(Boolean) }));
for (const heir of heirs) {
  heir.kill("SIGKILL");
  await heir.status;
}
Deno.exit(0);
