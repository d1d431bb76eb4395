import { assert, assertEquals } from "@std/assert";
import { sandbox, SandboxError } from "../../mod.ts";
import {
  installed,
  openDescriptors,
  ownChildren,
  programArguments,
  testIf,
  text,
  until,
  wait,
} from "../integration/support.ts";

const ROUNDS = 50;
const TAG = `8642.${Deno.pid}`;

/** A program that launches without end, in many ways, and says so once it is at it. */
const STORM = `
  let begun = 0;
  const quiet = { stdin: "null", stdout: "null", stderr: "null" };
  const box = sandbox().tmpfs("/work").file("/work/file", "x");
  const ways = [
    () => box.output(["true"]),
    () => box.output(["sh", "-c", "sleep ${TAG} & setsid sleep ${TAG} & sleep 0.01"]),
    () => box.spawn(["sleep", "${TAG}"], quiet),
    () => box.asPid1().spawn(["sleep", "${TAG}"], quiet),
    () => box.share("pid").spawn(["sh", "-c", "sleep ${TAG} & setsid sleep ${TAG} & sleep ${TAG}"], quiet),
    () => box.use({ name: "hooks", preMount() {}, networkSetup() {} }).spawn(["sleep", "${TAG}"], quiet),
    () => box.bind(Deno.cwd(), "/here", { writable: true }).output(["true"]),
    () => Sandbox.empty().env("PATH", "/usr/bin:/bin").spawn(["sleep", "${TAG}"], quiet),
  ];
  setTimeout(() => Deno.exit(9), 20_000);
  await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
    for (let turn = lane;; turn++) {
      await ways[turn % ways.length]().catch((error) => console.error(error));
      if (begun++ === 8) console.log("storm");
    }
  }));
`;

/** All processes that are no zombies: of the sessions of these programs, or with the tag. */
function left(sessions: ReadonlySet<number>): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`);
      if (state === "Z" || state === "X") continue;
      if (sessions.has(Number(session)) || line.includes(TAG)) {
        found.push(`${name}: ${line.replaceAll("\0", " ").slice(0, 80)}`);
      }
    } catch { /* it has ended */ }
  }
  return found;
}

testIf(
  installed("setsid"),
  "setsid is not installed",
  "a program killed in a storm of launches leaves no process of any sandbox",
  async () => {
    const sessions = new Set<number>();
    const mounts = Deno.readTextFileSync("/proc/self/mountinfo");
    const round = async () => {
      // In a session of its own, which its agent and every first process share.
      const child = new Deno.Command("setsid", {
        args: [Deno.execPath(), ...programArguments(STORM)],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      sessions.add(child.pid);
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      if (value === undefined) {
        throw new Error(await new Response(child.stderr).text());
      }
      assertEquals(text(value), "storm\n");
      await wait(Math.random() * 60);
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      await child.stderr.cancel();
    };
    for (let done = 0; done < ROUNDS; done += 2) await Promise.all([round(), round()]);
    assertEquals(sessions.size, ROUNDS);
    await until(() => left(sessions).length === 0, 2000);
    assertEquals(left(sessions), []);
    assertEquals(Deno.readTextFileSync("/proc/self/mountinfo"), mounts);
  },
);

Deno.test("a killed agent takes its sandboxes along; pending launches reject, the next one works", async () => {
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  await sandbox().output(["true"]);
  const before = openDescriptors();
  for (let round = 0; round < 10; round++) {
    const alive = await sandbox().spawn(["sleep", TAG], quiet);
    const shared = await sandbox().share("pid").spawn(["sleep", TAG], quiet);
    const pending = Array.from({ length: 8 }, () => sandbox().output(["sleep", TAG]));
    for (const promise of pending) promise.catch(() => {});
    // At ten moments, from the middle of the launches to well after them.
    await wait(round * 1.5);
    const [agent, ...others] = ownChildren();
    assertEquals(others, []);
    Deno.kill(agent!, "SIGKILL");
    const ends = await Promise.allSettled([alive.status, shared.status, ...pending]);
    for (const end of ends) {
      assert(end.status === "rejected" && end.reason instanceof SandboxError, JSON.stringify(end));
    }
    assertEquals((await sandbox().output(["echo", "next"])).code, 0);
    assert(await until(() => left(new Set()).length === 0, 2000), left(new Set()).join("\n"));
  }
  assert(await until(() => openDescriptors() <= before), `${before} then ${openDescriptors()}`);
});

Deno.test("a launch right after the agent's death, before anybody noticed it", async () => {
  await sandbox().output(["true"]);
  const [agent] = ownChildren();
  Deno.kill(agent!, "SIGKILL");
  // The signal has been sent; whether it has been delivered yet is a matter of luck.
  const outcomes: unknown[] = [];
  for (let turn = 0; turn < 3; turn++) {
    outcomes.push(await sandbox().output(["true"]).then(({ code }) => code, (error) => error));
  }
  const failed = outcomes.filter((outcome) => outcome !== 0);
  assert(failed.every((error) => error instanceof SandboxError), `${failed}`);
  assertEquals(outcomes[2], 0);
});
