import { assert, assertEquals } from "@std/assert";
import { assemble, OPERATION_SIZE } from "../../lib/agent/assembler.ts";
import { requestFd, returnToAgent } from "../../lib/agent/boot.ts";
import { Agent } from "../../lib/agent/client.ts";
import {
  type AgentEvent,
  EVENT_OFFSET,
  EVENT_SIZE,
  EventKind,
  eventTemplate,
} from "../../lib/agent/event.ts";
import { AGENT_FD, FIRST_FREE_FD, OUTSIDE_AREA } from "../../lib/agent/layout.ts";
import type { Operation } from "../../lib/agent/operation.ts";
import { close, pipe, readAll, syscallNumber } from "../../lib/sys/mod.ts";
import { text, until } from "../integration/support.ts";

const LAUNCH = 77;

/** An agent with what it says. */
function start() {
  const events: AgentEvent[] = [], orphans: AgentEvent[] = [];
  let gone = false;
  const agent = new Agent((event) => orphans.push(event), () => gone = true);
  agent.listen(LAUNCH, (event) => events.push(event));
  return { agent, events, orphans, isGone: () => gone };
}

/** Sends operations; nothing else keeps this test's program awake, so the events are polled. */
function send(agent: Agent, operations: readonly Operation[], fds: readonly number[] = []): void {
  const program = assemble(OUTSIDE_AREA, [...operations, ...returnToAgent(agent.boot)], {
    contents: { record: eventTemplate(EventKind.STARTED, LAUNCH) },
    externals: agent.boot.places,
  });
  const slot = agent.arena.take(program.bytes.length);
  agent.arena.write(program.bytes, slot.offset);
  agent.request(slot, program.bytes.length, fds);
}

function arrives(agent: Agent, holds: () => boolean): Promise<boolean> {
  return until(() => (agent.drain(), holds()), 3000);
}

const TELL: Operation = { call: "write", args: [AGENT_FD.status, { at: "record" }, EVENT_SIZE] };
const PID = { name: "record", offset: EVENT_OFFSET.pid };

function end(agent: Agent): Promise<boolean> {
  Deno.kill(agent.pid, "SIGKILL");
  return arrives(agent, () => !agent.alive);
}

Deno.test("agent: a request is executed, and its event reaches the launch it is about", async () => {
  const { agent, events, orphans } = start();
  send(agent, [
    { call: "getpid", store: "pid" },
    { call: "ADD", args: [{ load: "pid" }, 1_000_000], store: PID },
    TELL,
  ]);
  assert(await arrives(agent, () => events.length === 1));
  assertEquals(events[0]!.kind, EventKind.STARTED);
  assertEquals(events[0]!.pid, agent.pid + 1_000_000);
  assertEquals(orphans, []);
  await end(agent);
});

Deno.test("agent: requests come one after the other, in order, whatever slot they lie in", async () => {
  const { agent, events } = start();
  for (let turn = 0; turn < 50; turn++) {
    send(agent, [{ call: "SET", args: [turn], store: PID }, TELL]);
  }
  assert(await arrives(agent, () => events.length === 50));
  assertEquals(events.map(({ pid }) => pid), Array.from({ length: 50 }, (_, turn) => turn));
  await end(agent);
});

Deno.test("agent: an error goes to the handler that the program names, and the agent goes on", async () => {
  const { agent, events } = start();
  send(agent, [
    { call: "HANDLER", args: [{ label: "failed" }, { at: "record" }] },
    { call: "close", args: [4321], step: 9 },
    { call: "SET", args: [1], store: PID },
    { ...TELL, label: "failed" },
  ]);
  assert(await arrives(agent, () => events.length === 1));
  const { step, errno, call, address, launch, pid } = events[0]!;
  assertEquals({ step, errno, call, address, launch, pid }, {
    step: 9,
    errno: 9,
    call: syscallNumber("close")!,
    address: OUTSIDE_AREA + OPERATION_SIZE,
    launch: LAUNCH,
    pid: 0,
  });
  // Without a handler of its own the program just ends.
  send(agent, [{ call: "close", args: [4321] }, TELL]);
  send(agent, [{ call: "SET", args: [5], store: PID }, TELL]);
  assert(await arrives(agent, () => events.length === 2));
  assertEquals(events[1]!.pid, 5);
  await end(agent);
});

Deno.test("agent: children are reaped, and told with their status and usage", async () => {
  const { agent, events, orphans } = start();
  const clone = (label: string): Operation => ({
    call: "clone3",
    args: [{ words: [0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0] }, 88],
    store: "child",
    when: { equals: 0 },
    goto: label,
  });
  send(agent, [
    clone("exits"),
    { call: "SET", args: [{ load: "child" }], store: PID },
    TELL,
    clone("dies"),
    { call: "SET", args: [0], goto: "end" },
    { call: "exit_group", args: [7], label: "exits" },
    { call: "getpid", store: "own", label: "dies" },
    { call: "kill", args: [{ load: "own" }, 9] },
    { call: "SET", args: [0], label: "end" },
  ]);
  assert(await arrives(agent, () => orphans.length === 2 && events.length === 1));
  const exited = orphans.find(({ pid }) => pid === events[0]!.pid)!;
  const killed = orphans.find(({ pid }) => pid !== events[0]!.pid)!;
  assertEquals([exited.kind, exited.status], [EventKind.REAPED, 7 << 8]);
  assertEquals([killed.kind, killed.status & 0x7f], [EventKind.REAPED, 9]);
  for (const { usage } of orphans) assert(usage.user + usage.system < 1e6 && usage.maxRss < 10_000);
  assertEquals(Deno.readTextFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`), "");
  await end(agent);
});

Deno.test("agent: descriptors come along with a request, and none stays open", async () => {
  const { agent, events } = start();
  const open = () => [...Deno.readDirSync(`/proc/${agent.pid}/fd`)].map(({ name }) => Number(name));
  assert(await until(() => open().length === FIRST_FREE_FD));
  for (let turn = 1; turn <= 5; turn++) {
    const [reader, writer] = pipe();
    send(agent, [
      { call: "write", args: [{ load32: requestFd(agent.boot, 1) }, "by the agent", 12] },
      { call: "openat", args: [AGENT_FD.proc, "self/stat", 0, 0], store: "left open" },
      TELL,
    ], [reader, writer]);
    close(writer);
    assert(await arrives(agent, () => events.length === turn));
    assertEquals(text(readAll(reader)), "by the agent");
    close(reader);
  }
  assert(await until(() => open().length === FIRST_FREE_FD), `${open()}`);
  assertEquals(open().sort((a, b) => a - b), Array.from({ length: FIRST_FREE_FD }, (_, fd) => fd));
  await end(agent);
});

Deno.test("agent: it runs from a sealed file in memory, single-threaded, with nothing in its environment", async () => {
  const { agent } = start();
  assert(await until(() => Deno.readLinkSync(`/proc/${agent.pid}/exe`).includes("paddock-agent")));
  for (const options of [{ write: true }, { append: true }, { write: true, truncate: true }]) {
    let refused = false;
    try {
      Deno.openSync(`/proc/${agent.pid}/exe`, options).close();
    } catch {
      refused = true;
    }
    assert(refused, JSON.stringify(options));
  }
  assertEquals([...Deno.readDirSync(`/proc/${agent.pid}/task`)].length, 1);
  assertEquals(Deno.readTextFileSync(`/proc/${agent.pid}/environ`), "");
  const status = Deno.readTextFileSync(`/proc/${agent.pid}/status`);
  const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  assert(kilobytes < 2048, `${kilobytes} KiB`);
  await end(agent);
});

Deno.test("agent: its death is noticed, even while a child holds its pipe open", async () => {
  const { agent, events, isGone } = start();
  send(agent, [
    {
      call: "clone3",
      args: [{ words: [0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0] }, 88],
      store: "child",
      when: { equals: 0 },
      goto: "waits",
    },
    { call: "SET", args: [{ load: "child" }], store: PID },
    TELL,
    { call: "SET", args: [0], goto: "end" },
    { call: "ppoll", args: [0, 0, 0, 0, 8], label: "waits", onError: "ignore" },
    { call: "exit_group", args: [0] },
    { call: "SET", args: [0], label: "end" },
  ]);
  assert(await arrives(agent, () => events.length === 1));
  const child = events[0]!.pid;
  try {
    const { reactor } = await import("../../lib/agent/reactor.ts");
    reactor().hold();
    Deno.kill(agent.pid, "SIGKILL");
    assert(await until(isGone, 3000), "nobody noticed");
    reactor().release();
  } finally {
    Deno.kill(child, "SIGKILL");
  }
  assertEquals(agent.alive, false);
});

Deno.test("agent: one that has ended is no zombie", async () => {
  const { agent, isGone } = start();
  const { reactor } = await import("../../lib/agent/reactor.ts");
  reactor().hold();
  try {
    Deno.kill(agent.pid, "SIGKILL");
    assert(await until(isGone, 3000), "nobody noticed");
    const exists = () => {
      try {
        return Deno.statSync(`/proc/${agent.pid}`).isDirectory;
      } catch {
        return false;
      }
    };
    assert(await until(() => !exists(), 3000), "nobody has reaped it");
  } finally {
    reactor().release();
  }
});

Deno.test("agent: it ignores no signal, so that no command of it does", async () => {
  const { agent } = start();
  // posix_spawn(3) leaves signals 32 and 33, which are the C library's own, ignored.
  const ignored = (): bigint => {
    const status = Deno.readTextFileSync(`/proc/${agent.pid}/status`);
    return BigInt(`0x${/^SigIgn:\s*(\w+)$/m.exec(status)![1]}`) & ~(3n << 31n);
  };
  assert(await until(() => ignored() === 0n), ignored().toString(16));
  await end(agent);
});
