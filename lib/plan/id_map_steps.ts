/**
 * The steps that write id maps, from outside. user_namespaces(7).
 *
 * @module
 */

import { AGENT_FD } from "../agent/layout.ts";
import type { Operation, Place } from "../agent/operation.ts";
import type { IdRange } from "../spec.ts";
import { CLONE_NEWUSER } from "../sys/abi/clone.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from "../sys/abi/fcntl.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { dieWithParent } from "./command_steps.ts";
import type { NewStep } from "./step.ts";

/** The text of an id map, as `/proc/PID/uid_map` takes it. */
export function idMapText(ranges: readonly IdRange[]): string {
  return ranges.map(({ inside, outside, count }) => `${inside} ${outside} ${count ?? 1}\n`).join(
    "",
  );
}

function ranges(list: readonly IdRange[]): string {
  return list.map(({ inside, outside, count = 1 }) =>
    count === 1
      ? `${inside} is ${outside}`
      : `${inside}-${inside + count - 1} are ${outside}-${outside + count - 1}`
  ).join(", ");
}

/** Writes a file of a process, below the directory in the cell: by default the first process's. */
export function writeProc(file: string, text: string, cell = "proc"): Operation[] {
  const bytes = new TextEncoder().encode(text);
  return [
    {
      call: "openat",
      args: [{ load32: cell }, file, O_WRONLY | O_CLOEXEC, 0],
      store: "map",
    },
    { call: "write", args: [{ load32: "map" }, bytes, bytes.length] },
    { call: "close", args: [{ load32: "map" }] },
  ];
}

const USERNS_HINT =
  "this user may not make user namespaces here; see sysctl kernel.apparmor_restrict_unprivileged_userns, kernel.unprivileged_userns_clone and user.max_user_namespaces, or the container's seccomp profile; or run as root";

/** Denies setgroups, as an ordinary user must before a group map, and writes both maps. */
export function idMapSteps(
  maps: { uids: readonly IdRange[]; gids: readonly IdRange[] },
  denySetgroups: boolean,
): NewStep[] {
  const steps: NewStep[] = [];
  if (denySetgroups) {
    steps.push({
      phase: "maps",
      name: "deny setgroups",
      sentence: "deny setgroups inside",
      paths: { path: "/proc/PID/setgroups" },
      hints: { EACCES: USERNS_HINT, EPERM: USERNS_HINT },
      operations: writeProc("setgroups", "deny"),
    });
  }
  for (
    const [file, word, list] of [["uid_map", "user", maps.uids], [
      "gid_map",
      "group",
      maps.gids,
    ]] as const
  ) {
    steps.push({
      phase: "maps",
      name: file,
      sentence: `map ${word} ids: inside ${ranges(list)} outside`,
      paths: { path: `/proc/PID/${file}` },
      hints: { EPERM: USERNS_HINT, EINVAL: "ranges must not overlap, and at most 340 are allowed" },
      operations: writeProc(file, idMapText(list)),
    });
  }
  return steps;
}

/** Numbers on disk, and the host's numbers that they are to count as. */
export interface DiskRange {
  readonly disk: number;
  readonly host: number;
  readonly count: number;
}

/**
 * Opens a user namespace that maps numbers on disk to those of the sandbox's users, whatever these
 * are inside, and stores its descriptor. A process that does nothing holds it for as long as that
 * takes: until its pipe hangs up, as it does too when a step fails meanwhile. mount_setattr(2),
 * "ID-mapped mounts".
 */
export function openDiskMap(
  maps: { readonly uids: readonly DiskRange[]; readonly gids: readonly DiskRange[] },
  store: Place,
  name: string,
): Operation[] {
  const text = (ranges: readonly DiskRange[]) =>
    ranges.map(({ disk, host, count }) => `${disk} ${host} ${count}\n`).join("");
  const hold = `hold ${name}`, held = `${name} is held`;
  return [
    { call: "pipe2", args: [{ at: "holder pipe" }, O_CLOEXEC] },
    {
      call: "clone3",
      args: [{ words: [CLONE_NEWUSER, 0, 0, 0, SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0] }, 88],
      store: "holder",
      when: { equals: 0 },
      goto: hold,
    },
    { call: "DECIMAL", args: [{ load: "holder" }, { at: "pid text" }] },
    {
      call: "openat",
      args: [AGENT_FD.proc, { at: "pid text" }, O_PATH | O_DIRECTORY | O_CLOEXEC, 0],
      store: "holder proc",
    },
    ...writeProc("uid_map", text(maps.uids), "holder proc"),
    ...writeProc("gid_map", text(maps.gids), "holder proc"),
    {
      call: "openat",
      args: [{ load32: "holder proc" }, "ns/user", O_RDONLY | O_CLOEXEC, 0],
      store,
    },
    { call: "close", args: [{ load32: "holder pipe" }] },
    {
      call: "close",
      args: [{ load32: { name: "holder pipe", offset: 4 } }],
      goto: held,
    },
    // Not the agent's handler, which would make an agent of it.
    { call: "HANDLER", args: [{ label: "child failed" }, { at: "failure" }], label: hold },
    dieWithParent(),
    { call: "close", args: [{ load32: { name: "holder pipe", offset: 4 } }] },
    { call: "read", args: [{ load32: "holder pipe" }, { at: "pid text" }, 1] },
    { call: "exit_group", args: [0] },
    { call: "SET", args: [0], label: held },
  ];
}
