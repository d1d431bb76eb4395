/**
 * Asks systemd for a cgroup to make others in: a transient scope with the agent in it, delegated.
 * Where systemd runs, all cgroups are its own, and those it does not know may be removed by it; and
 * an ordinary user gets one from nobody else. org.freedesktop.systemd1(5), "Delegation" in
 * systemd.resource-control(5) and https://systemd.io/CGROUP_DELEGATION.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import { Dbus, type DbusValue } from "./dbus.ts";
import { directoryOf, type Hierarchy, processesIn, readText } from "./hierarchies.ts";

/** How long systemd may take, in milliseconds. */
const PATIENCE = 5000;

interface Manager {
  readonly socket: string;
  readonly bus: boolean;
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket ?? false;
  } catch {
    return false;
  }
}

/** Where the manager that is responsible for this user listens: first of all by the bus. */
function managers(uid: number): Manager[] {
  if (uid === 0) {
    return [
      { socket: "/run/systemd/private", bus: false },
      { socket: "/run/dbus/system_bus_socket", bus: true },
    ];
  }
  const runtime = Deno.env.get("XDG_RUNTIME_DIR") ?? `/run/user/${uid}`;
  const address = /(?:^|;)unix:path=([^,;]+)/.exec(Deno.env.get("DBUS_SESSION_BUS_ADDRESS") ?? "");
  return [
    ...(address ? [{ socket: decodeURIComponent(address[1]!), bus: true }] : []),
    { socket: `${runtime}/bus`, bus: true },
    { socket: `${runtime}/systemd/private`, bus: false },
  ];
}

/** Whether a systemd is there that could be asked. */
export function runsSystemd(uid: number): boolean {
  return managers(uid).some(({ socket }) => isSocket(socket));
}

/** The arguments of StartTransientUnit for a scope with this process. */
export function scopeArguments(name: string, pid: number): DbusValue[] {
  const property = (key: string, value: DbusValue): DbusValue => ({
    type: "(",
    value: [{ type: "s", value: key }, { type: "v", value }],
  });
  return [
    { type: "s", value: name },
    { type: "s", value: "fail" },
    {
      type: "a",
      of: "(sv)",
      value: [
        property("Description", { type: "s", value: "Paddock's sandboxes" }),
        property("PIDs", { type: "a", of: "u", value: [{ type: "u", value: pid }] }),
        property("Delegate", { type: "b", value: true }),
        property("CollectMode", { type: "s", value: "inactive-or-failed" }),
      ],
    },
    { type: "a", of: "(sa(sv))", value: [] },
  ];
}

/** The cgroup of a process in version 2. */
function cgroupOf(pid: number): string | undefined {
  return /^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`) ?? "")?.[1];
}

async function startScope(manager: Manager, name: string, pid: number): Promise<void> {
  using dbus = await Dbus.connect(manager.socket, manager.bus);
  await dbus.call({
    destination: manager.bus ? "org.freedesktop.systemd1" : undefined,
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "StartTransientUnit",
    arguments: scopeArguments(name, pid),
  });
}

async function withPatience<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer for ${PATIENCE} ms`)), PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A directory of systemd's for sandboxes: the agent's own scope, with the agent in a child of it.
 * Throws an `UnsupportedError` with what systemd said.
 */
export async function systemdScope(
  hierarchy: Hierarchy,
  agent: number,
  uid: number,
): Promise<string> {
  const name = `paddock-${agent}.scope`;
  const said: string[] = [];
  const moved = () => cgroupOf(agent)?.endsWith(`/${name}`) ?? false;
  for (const manager of managers(uid)) {
    if (!isSocket(manager.socket)) continue;
    try {
      await withPatience(startScope(manager, name, agent));
      const end = performance.now() + PATIENCE;
      // The answer tells only that the job was queued.
      while (!moved() && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      if (moved()) break;
      said.push(`${manager.socket}: the scope ${name} did not start`);
    } catch (error) {
      said.push(`${manager.socket}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (!moved()) {
    throw new UnsupportedError(
      "limits",
      `systemd gave no scope (${said.join("; ")}); start the program by \`systemd-run ${
        uid === 0 ? "" : "--user "
      }--scope -p Delegate=yes\`, or give limits.parent a delegated cgroup`,
    );
  }
  const directory = directoryOf(hierarchy, cgroupOf(agent)!);
  // Who gives controllers on has no processes of its own.
  const leaf = `${directory}/agent`;
  Deno.mkdirSync(leaf);
  for (const pid of processesIn(directory)) {
    Deno.writeTextFileSync(`${leaf}/cgroup.procs`, String(pid));
  }
  return directory;
}
