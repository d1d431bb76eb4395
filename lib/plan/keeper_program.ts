/**
 * The keeper: a process of the agent's beside each sandbox that has a cgroup. It puts the first
 * process into the hierarchies of version 1, and removes the cgroup at the end: when the host
 * program says so, or is gone, for both close the pipe that the keeper waits at. It lives on when
 * the host program and the agent are killed.
 *
 * @module
 */

import { EVENT_SIZE } from "../agent/event.ts";
import { ABOVE, ABOVE_END, AGENT_FD, BOOT } from "../agent/layout.ts";
import type { Operation, Value } from "../agent/operation.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { AT_REMOVEDIR, F_DUPFD_CLOEXEC } from "../sys/abi/fcntl.ts";
import { SIGNALS } from "../sys/abi/signal.ts";
import { CGROUP_NAME } from "./cgroup_layout.ts";
import { baseCell, cgroupCell, writeKnob } from "./cgroup_steps.ts";
import type { CgroupShape, Fault, LaunchShape } from "./launch_shape.ts";
import { phase } from "./program_parts.ts";

/** Above all descriptors of a launch; those from here on stay open in the keeper. */
const KEPT_FD = 128;

/** How often it is tried to remove a cgroup in which somebody still ends, and how far apart. */
const MOST_TRIES = 5000;
const PAUSE_NANOSECONDS = 2_000_000;

/** The agent's part: starts the keeper of the process whose pid is in the cell. */
export function startKeeper(pidCell: string): Operation[] {
  return [
    { call: "DECIMAL", args: [{ load: pidCell }, { at: "kept pid" }], store: "kept length" },
    {
      call: "clone3",
      args: [{ words: [0, 0, 0, 0, SIGNALS.SIGCHLD, 0, 0, 0, 0, 0, 0] }, 88],
      when: { equals: 0 },
      goto: "keep",
    },
  ];
}

/** Removes the cgroup again where the launch failed before there was a keeper. */
export function removeAtOnce({ places }: CgroupShape): Operation[] {
  return places.map((_, place) => ({
    call: "unlinkat",
    args: [{ load32: baseCell(place) }, { at: CGROUP_NAME }, AT_REMOVEDIR],
    onError: "ignore",
  }));
}

/** Moves a descriptor up, where it stays open. */
function keep(value: Value, cell: string): Operation {
  return { call: "fcntl", args: [value, F_DUPFD_CLOEXEC, KEPT_FD], store: cell };
}

function removePlace(place: number): Operation[] {
  const next = `removed ${place}`, again = `remove ${place}`, busy = `busy ${place}`;
  return [
    {
      call: "unlinkat",
      args: [{ load32: baseCell(place) }, { at: CGROUP_NAME }, AT_REMOVEDIR],
      onError: "ignore",
      when: { equals: -ERRNO.EBUSY },
      goto: busy,
      label: again,
    },
    { call: "SET", args: [0], goto: next },
    {
      call: "ADD",
      args: [{ load: "tries" }, 1],
      store: "tries",
      when: { equals: MOST_TRIES },
      goto: next,
      label: busy,
    },
    {
      call: "nanosleep",
      args: [{ words: [0, PAUSE_NANOSECONDS] }, 0],
      onError: "ignore",
      goto: again,
    },
    { call: "SET", args: [0], label: next },
  ];
}

/** What the keeper does, from its clone on. */
export function keeperOperations(
  shape: LaunchShape,
  { places, pipe }: CgroupShape,
  fault?: Fault,
): Operation[] {
  const frozen = places.findIndex(({ version, controllers }) =>
    version === 1 && controllers.includes("freezer")
  );
  return [
    { call: "HANDLER", args: [{ label: "attach failed" }, { at: "failure" }], label: "keep" },
    // Out of reach of what the terminal or a job's end sends to the whole group.
    { call: "setsid", args: [], onError: "ignore" },
    // Where it was started may be unmounted while the sandbox lives.
    { call: "chdir", args: ["/"], onError: "ignore" },
    keep(pipe, "kept pipe"),
    ...places.flatMap((_, place) => [
      keep({ load32: baseCell(place) }, baseCell(place)),
      keep({ load32: cgroupCell(place) }, cgroupCell(place)),
    ]),
    ...phase(shape, ["attach"], fault),
    ...(places.some(({ version }) => version === 1)
      ? [{
        call: "write",
        args: [{ load32: { name: "attach", offset: 4 } }, { at: "byte" }, 1],
        // It has ended meanwhile, and says why itself.
        onError: { tolerate: "EPIPE" },
      } as Operation]
      : []),
    { call: "SET", args: [0], goto: "attach done" },
    // It is told, and the cgroup still to be removed.
    {
      call: "write",
      args: [AGENT_FD.status, { at: "failure" }, EVENT_SIZE],
      onError: "ignore",
      label: "attach failed",
    },
    { call: "SET", args: [0], label: "attach done" },
    // The agent's socket, the launch's, the command's output: their ends must be seen by others.
    { call: "close_range", args: [0, KEPT_FD - 1, 0] },
    { call: "HANDLER", args: [{ label: "exit" }, { at: "failure" }] },
    // What it waits with is little: no stack, nothing of the agent's own program.
    { call: "munmap", args: [BOOT, 0x1_0000], onError: "ignore" },
    { call: "munmap", args: [ABOVE, ABOVE_END - ABOVE], onError: "ignore" },
    { call: "read", args: [{ load32: "kept pipe" }, { at: "byte" }, 1], onError: "ignore" },
    // Whoever is left is left over: a sandbox without a pid namespace, whose supervisor was killed.
    ...(places[0]?.version === 2 ? writeKnob(cgroupCell(0), "cgroup.kill", "1") : [])
      .map((operation): Operation => ({ ...operation, onError: "ignore" })),
    // A frozen process of version 1 does not even die.
    ...(frozen === -1 ? [] : writeKnob(cgroupCell(frozen), "freezer.state", "THAWED"))
      .map((operation): Operation => ({ ...operation, onError: "ignore" })),
    ...places.flatMap((_, place) => removePlace(place)),
    { call: "SET", args: [0], goto: "exit" },
  ];
}
