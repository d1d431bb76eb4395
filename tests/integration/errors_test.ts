import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { Sandbox, sandbox, SandboxError, SpecError } from "../../mod.ts";
import { inFolder, lines, testIf, text } from "./support.ts";

const PROJECT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** Whether everybody may read the project, as the sandbox's user must. */
const READABLE = ((Deno.statSync(`${PROJECT}/mod.ts`).mode ?? 0) & 0o004) !== 0;

testIf(
  READABLE,
  "not everybody may read the project",
  "a sandbox in a sandbox: user namespaces are refused, and it says so",
  async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(
        `${folder}/inner.ts`,
        `import { sandbox, UnsupportedError } from "/project/mod.ts";
       try {
         await sandbox().output(["true"]);
         console.log("it ran");
       } catch (error) {
         console.log(error instanceof UnsupportedError, error.feature);
         console.log(error.hint);
         console.log(error.message);
       }`,
      );
      const outer = sandbox()
        .bind(PROJECT, "/project")
        .bind(Deno.execPath(), "/opt/deno")
        .bind(`${folder}/inner.ts`, "/inner/inner.ts")
        .env({ DENO_DIR: "/tmp/deno", NO_COLOR: "1" });
      const { stdout, stderr } = await outer.output([
        "/opt/deno",
        "run",
        "-A",
        "--no-check",
        "--no-lock",
        "--config=/project/deno.json",
        "/inner/inner.ts",
      ]);
      const [kind, hint, message] = lines(text(stdout));
      assertEquals(kind, "true user namespaces", text(stderr));
      assertMatch(hint!, /inside of a sandbox|sysctl/);
      assertMatch(message!, /user namespaces/);
    });
  },
);

Deno.test("errors are SandboxErrors with their class's name", async () => {
  const error = await assertRejects(() => sandbox().output(["no-such-program"]), SandboxError);
  assertEquals(error.name, "StepError");
  assertMatch(String(error), /^StepError: step \d+, execute "no-such-program"/);
});

Deno.test("error texts are one line without a final period", async () => {
  const failing: (() => Promise<unknown>)[] = [
    () => sandbox().output(["no-such-program"]),
    () => sandbox().bind("/no/such").output(["true"]),
    () => sandbox().cwd("/no/such").output(["true"]),
    () => sandbox().tmpfs("/usr/no/such").output(["true"]),
    () => Sandbox.empty().join("net", "/no/such").output(["/bin/true"]),
    () => sandbox().hostname("x").share("uts").output(["true"]),
  ];
  for (const fail of failing) {
    const { message } = await assertRejects(fail, SandboxError);
    assertMatch(message, /^[^\n]+[^.\n]$/);
  }
});

Deno.test("options of the wrong type are SpecErrors that name the field", async () => {
  // deno-lint-ignore no-explicit-any
  const box = sandbox() as any;
  const cases: [() => unknown, RegExp][] = [
    [() => box.tmpfs("/x", { size: "many" }), /^tmpfs\.size/],
    [() => box.tmpfs("/x", { size: -1 }), /^tmpfs\.size/],
    [() => box.tmpfs("/x", { mode: "9" }), /^tmpfs\.mode/],
    [() => box.timeout("soon"), /^timeout/],
    [() => box.timeout(0), /^timeout/],
    [() => box.timeout(-5), /^timeout/],
    [() => box.timeout(NaN), /^timeout/],
    [() => box.umask("999"), /^umask/],
    [() => box.hostname(""), /^hostname/],
    [() => box.hostname("x".repeat(65)), /^hostname/],
    [() => box.domainname(""), /^domainname/],
    [() => box.network("everything"), /^network/],
    [() => box.unshare("nothing"), /^namespaces/],
    [() => box.share("nothing"), /^namespaces/],
    [() => box.join("nothing", { pid: 1 }), /^namespaces/],
    [() => box.timeOffset({ boottime: "tomorrow" }), /^timeOffsets\.boottime/],
    [() => box.use({}), /^plugin\.name/],
  ];
  for (const [make, text] of cases) {
    const error = assertThrows(make, SpecError);
    assertMatch(error.message, text);
  }
  const late: [() => Promise<unknown>, RegExp][] = [
    [() => box.user("root").output(["true"]), /^user\.uid/],
    [() => box.dir("/x", { mode: "rwx" }).output(["true"]), /^mounts\[4\]\.mode/],
    [() => box.file("/x", "", { mode: 0o10000 }).output(["true"]), /^mounts\[4\]\.mode/],
    [() => box.bind(5, "/x").output(["true"]), /^mounts\[4\]\.source/],
    [() => box.bind("/usr", 5).output(["true"]), /^mounts\[4\]\.target/],
    [() => box.file("/x", 5).output(["true"]), /^mounts\[4\]\.contents/],
    [() => box.mount({ kind: "cloud", target: "/x" }).output(["true"]), /^mounts\[4\]\.kind/],
    [() => box.cwd(5).output(["true"]), /^cwd/],
    [() => box.env("A", 5).output(["true"]), /^env/],
    [() => box.rlimit("everything", 5).output(["true"]), /^rlimits?\.everything/],
    [() => box.rlimit("nofile", "many").output(["true"]), /^rlimits?\.nofile/],
    [() => box.rlimit("nofile", { soft: 10, hard: 5 }).output(["true"]), /^rlimits?\.nofile/],
    [() => box.output("true"), /^command/],
    [() => box.output([5]), /^command/],
    [() => box.root(5).output(["true"]), /^root/],
    [() => box.root("relative/does/not/exist").output(["true"]), /relative\/does\/not\/exist/],
    [() => box.idMap({ uids: "all", gids: [] }).output(["true"]), /^idMap/],
    [() => box.join("net", 5).output(["true"]), /^namespaces\.net/],
    [
      () =>
        Sandbox.from({ hostname: undefined, mounts: [], namespaces: { net: "other" } } as never)
          .output(["true"]),
      /^namespaces\.net/,
    ],
  ];
  const wrong: string[] = [];
  for (const [run, text] of late) {
    // Some are found when the description is made, the others when it is used.
    const error = await Promise.try(run).then(() => "nothing was thrown", (error) => error);
    const named = error instanceof SandboxError && text.test(error.message);
    const spec = error instanceof SpecError || text.source.startsWith("relative");
    if (!named || !spec) wrong.push(`${text}: ${error}`);
  }
  assertEquals(wrong, []);
});
