/**
 * A program that used sandboxes leaves no dead process to pid 1, which in many a container reaps
 * nobody: there each one would be in the list of processes for good.
 */
import { assertEquals } from "@std/assert";

const HOME = new URL("../../", import.meta.url);

/** Whoever loses its parent becomes this program's child, and it reaps none that is not its own. */
const REAPER = `
import { prctl } from "./lib/sys/mod.ts";
prctl("PR_SET_CHILD_SUBREAPER", 1);
const [args, input] = JSON.parse(Deno.args[0]);
const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stderr: "inherit" }).spawn();
await new Blob([input]).stream().pipeTo(child.stdin);
const { code } = await child.status;
const left = [];
for (const { name } of Deno.readDirSync("/proc")) {
  if (!/^[0-9]+$/.test(name)) continue;
  try {
    const [state, parent] = Deno.readTextFileSync("/proc/" + name + "/stat").replace(/.*\\) /, "")
      .split(" ");
    if (Number(parent) === Deno.pid) left.push(state);
  } catch { /* it has gone meanwhile */ }
}
console.log(JSON.stringify({ code, left }));
`;

async function leftOf(args: string[], input = ""): Promise<unknown> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--ext=ts", "-", JSON.stringify([args, input])],
    cwd: HOME,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await new Blob([REAPER]).stream().pipeTo(child.stdin);
  return JSON.parse(new TextDecoder().decode((await child.output()).stdout));
}

Deno.test("the command leaves no dead process behind", async () => {
  assertEquals(
    await leftOf(["run", "-A", "--quiet", "cli.ts", "run", "--", "true"]),
    { code: 0, left: [] },
  );
});

Deno.test("neither does a program, with what was made ahead of time for its next launch", async () => {
  const program = `
    import { sandbox } from "./mod.ts";
    for (let n = 0; n < 3; n++) await sandbox().output(["true"]);
    Deno.exit(7);
  `;
  assertEquals(await leftOf(["run", "-A", "--quiet", "--ext=ts", "-"], program), {
    code: 7,
    left: [],
  });
});
