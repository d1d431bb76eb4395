import { assert, assertEquals } from "@std/assert";
import { sandbox } from "../../mod.ts";
import { discardSpares } from "../../lib/run/spares.ts";
import { supervisor } from "../../lib/run/supervisor.ts";
import { inFolder, namespaceOf, ROOT, run, runProgram, sh, testIf, until } from "./support.ts";

const box = sandbox();

/** The agent's children, spares among them. */
function ofAgent(): number[] {
  const agent = supervisor().agent.pid;
  return Deno.readTextFileSync(`/proc/${agent}/task/${agent}/children`).split(" ")
    .filter(Boolean).map(Number);
}

/** A spare; what is left of the launch before has another mount namespace, or none any more. */
function isSpare(pid: number): boolean {
  try {
    return namespaceOf(pid, "mnt") === namespaceOf("self", "mnt");
  } catch {
    return false;
  }
}

async function spareOf(): Promise<number> {
  assert(await until(() => ofAgent().length === 1 && ofAgent().every(isSpare)), `${ofAgent()}`);
  return ofAgent()[0]!;
}

/** A test that looks at the namespaces of a spare, which is not dumpable. */
function looking(name: string, fn: () => Promise<void>): void {
  testIf(ROOT, "only root may look at the namespaces of a process that is not dumpable", name, fn);
}

Deno.test("the second launch of a shape is the first that leaves a spare", async () => {
  const { code, stdout, stderr } = await runProgram(`
    const children = (pid) =>
      Deno.readTextFileSync(\`/proc/\${pid}/task/\${pid}/children\`).split(" ").filter(Boolean);
    const agents = () => [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) =>
      Deno.readTextFileSync(\`/proc/self/task/\${name}/children\`).split(" ").filter(Boolean));
    const settle = () => new Promise((done) => setTimeout(done, 100));
    await sandbox().output(["true"]);
    await settle();
    const [agent] = agents();
    console.log(children(agent).length);
    await sandbox().output(["true"]);
    await settle();
    console.log(children(agent).length);
    await sandbox().output(["true"]);
    await settle();
    console.log(children(agent).length);
  `);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "0\n1\n1\n", stderr: "" });
});

looking("a spare becomes the next launch, once, and with nothing of another's", async () => {
  await box.output(["true"]);
  await box.output(["true"]);
  const spare = await spareOf();
  const child = await box.spawn(["sleep", "60"], { stdin: "null" });
  assert(ofAgent().includes(spare), "it is that launch's first process");
  assertEquals(namespaceOf(child.pid, "net"), namespaceOf(spare, "net"));
  child.kill("SIGKILL");
  await child.status;
  assert((await spareOf()) !== spare);
  // What the launch is about is not the spare's business: another root, command, cwd, streams.
  const text = await sh(
    box.tmpfs("/work").file("/note", "hello").cwd("/work").env("WHO", "me"),
    'pwd; cat /note; echo "$WHO"; uname -n',
  );
  assertEquals(text, "/work\nhellome\npaddock\n");
});

looking("each shape has its own spare; at most four are kept", async () => {
  discardSpares();
  for (let turn = 0; turn < 2; turn++) {
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      assertEquals(await run(box.hostname(name), ["uname", "-n"]), `${name}\n`);
    }
  }
  assert(await until(() => ofAgent().length === 4), `${ofAgent()}`);
  assertEquals(await run(box.hostname("f"), ["uname", "-n"]), "f\n");
  assertEquals(await run(box.hostname("a"), ["uname", "-n"]), "a\n");
  discardSpares();
  assert(await until(() => ofAgent().length === 0));
});

looking("a spare that was killed is not missed", async () => {
  for (let turn = 0; turn < 20; turn++) {
    assertEquals(await run(box, ["echo", `${turn}`]), `${turn}\n`);
    if (turn === 0) continue;
    Deno.kill(await spareOf(), "SIGKILL");
    assert(await until(() => ofAgent().length === 0));
  }
});

looking(
  "a spare has every namespace but that of mounts, and so holds none of the host",
  async () => {
    await box.output(["true"]);
    await box.output(["true"]);
    const spare = await spareOf();
    assertEquals(namespaceOf(spare, "mnt"), namespaceOf("self", "mnt"));
    for (const kind of ["user", "pid", "net", "ipc", "uts", "cgroup"]) {
      assert(namespaceOf(spare, kind) !== namespaceOf("self", kind), kind);
    }
  },
);

testIf(
  ROOT,
  "mounting on the host needs root",
  "a mount of the host made after the spare is there in the next launch",
  () =>
    inFolder(async (folder) => {
      // As an ordinary user opens it: inside, in the sandbox's own mount namespace.
      const root = sandbox().share("user").bind(folder, "/work");
      await root.output(["true"]);
      await root.output(["true"]);
      const mount = new Deno.Command("mount", { args: ["-t", "tmpfs", "late", folder] });
      assert((await mount.output()).success);
      try {
        await Deno.writeTextFile(`${folder}/late`, "here");
        assertEquals(await run(root, ["cat", "/work/late"]), "here");
      } finally {
        await new Deno.Command("umount", { args: [folder] }).output();
      }
    }),
);

Deno.test("spares end with the program, however it ends", async () => {
  const { stdout } = await runProgram(`
    for (let turn = 0; turn < 3; turn++) await sandbox().output(["true"]);
    await new Promise((done) => setTimeout(done, 100));
    const [agent] = [...Deno.readDirSync("/proc/self/task")].flatMap(({ name }) =>
      Deno.readTextFileSync(\`/proc/self/task/\${name}/children\`).split(" ").filter(Boolean));
    console.log(agent, Deno.readTextFileSync(\`/proc/\${agent}/task/\${agent}/children\`));
    Deno.kill(Deno.pid, "SIGKILL");
  `);
  const pids = stdout.trim().split(/\s+/).map(Number);
  assertEquals(pids.length, 2);
  const alive = () =>
    pids.filter((pid) => {
      try {
        return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
      } catch {
        return false;
      }
    });
  assert(await until(() => alive().length === 0, 2000), `${alive()}`);
});
