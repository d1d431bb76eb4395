import { assert, assertEquals, assertRejects } from "@std/assert";
import { isEphemeral, memoryKeepsChanges } from "../../lib/run/ephemeral.ts";
import { sandbox, UnsupportedError } from "../../mod.ts";
import { attempt, inFolder, sh } from "../integration/support.ts";

Deno.test("what is changed in memory, and which kernels can do that", () => {
  const lower = ["/usr"];
  const ephemeral = sandbox().overlay("/o", { lower, upper: "ephemeral" });
  assert(isEphemeral(ephemeral.spec));
  assert(isEphemeral(sandbox().root({ overlay: { lower, upper: "ephemeral" } }).spec));
  assert(isEphemeral(sandbox().root("/", { ephemeral: true }).spec));
  assert(
    !isEphemeral(sandbox().overlay("/o", { lower, upper: "/up" }).overlay("/p", { lower }).spec),
  );
  for (
    const [release, able] of [["5.14.0", false], ["6.1.0-40-cloud", false], ["6.6", true], [
      "7.0",
      true,
    ]] as const
  ) {
    assertEquals(memoryKeepsChanges(ephemeral.spec, release), able, release);
  }
  assert(memoryKeepsChanges(ephemeral.share("user").spec, "5.14.0"));
});

/** Runs as on a kernel of this release. */
async function on(release: string, use: () => Promise<void>): Promise<void> {
  const real = Deno.osRelease;
  Object.defineProperty(Deno, "osRelease", { value: () => release, configurable: true });
  try {
    await use();
  } finally {
    Object.defineProperty(Deno, "osRelease", { value: real, configurable: true });
  }
}

function left(): string[] {
  return [...Deno.readDirSync("/var/tmp")].map(({ name }) => name)
    .filter((name) => name.startsWith(`paddock-changes-${Deno.uid()}-`));
}

Deno.test("on an older kernel changes are on disk, and gone with the sandbox", () =>
  on("6.1.0", () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a/sub`, { recursive: true });
      await Deno.writeTextFile(`${folder}/a/sub/old`, "old");
      const lower = [`${folder}/a`];
      const box = sandbox().overlay("/o", { lower, upper: "ephemeral" })
        .overlay("/p", { lower, upper: "ephemeral" });
      const script = "rm -r /o/sub; mkdir /o/sub; touch /o/sub/new; ls /o/sub /p/sub";
      assertEquals(await sh(box, script), "/o/sub:\nnew\n\n/p/sub:\nold\n");
      assertEquals(left(), []);
      // Also when the command fails, is killed, or never runs.
      await attempt(box, "exit 3");
      await attempt(box, "kill -9 $$");
      await assertRejects(() => box.output(["/none"]));
      await assertRejects(() => box.bind("/paddock/none").output(["true"]));
      assertEquals(left(), []);
      assertEquals([...Deno.readDirSync(`${folder}/a/sub`)].map(({ name }) => name), ["old"]);
      await assertRejects(
        () => sandbox().overlay("/o", { lower, upper: "ephemeral", size: "1M" }).output(["true"]),
        UnsupportedError,
        "before Linux 6.6",
      );
    })));

Deno.test("on an older kernel, too, changes can be told when the command has ended", () =>
  on("6.1.0", () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/a/proc`, { recursive: true });
      for (const name of ["dev", "run", "tmp"]) await Deno.mkdir(`${folder}/a/${name}`);
      const box = sandbox().root({ overlay: { lower: [`${folder}/a`], upper: "ephemeral" } })
        .bind("/usr").symlink("usr/bin", "/bin").symlink("usr/lib", "/lib")
        .symlink("usr/lib64", "/lib64");
      {
        await using child = await box.spawn(["/bin/sh", "-c", "echo x > /new"]);
        assertEquals((await child.status).code, 0);
        assertEquals((await child.changes()).added.includes("/new"), true);
        assertEquals(left().length, 1);
      }
      assertEquals(left(), []);
      // Nor is anything left where nothing was started.
      await assertRejects(() => box.spawn(["/none"]));
      assertEquals(left(), []);
    })));

Deno.test("on an older kernel, too, the host can be changed and thrown away", () =>
  on("6.1.0", async () => {
    const box = sandbox().root("/", { ephemeral: true });
    const before = Deno.cwd();
    const own = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "paddock-test-" });
    try {
      Deno.chdir(own);
      assertEquals(await sh(box, `cd ${own}; mkdir a; rmdir a; mkdir a; touch a/b; ls a`), "b\n");
      assertEquals([...Deno.readDirSync(own)], []);
      assertEquals(left(), []);
    } finally {
      Deno.chdir(before);
      await Deno.remove(own, { recursive: true });
    }
  }));

Deno.test("what a command left in such a directory is removed without following it", () =>
  on("6.1.0", () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "", { mode: 0o644 });
      await Deno.mkdir(`${folder}/kept`);
      const stale = `/var/tmp/paddock-changes-${Deno.uid()}-4194304-x`;
      // The host's /work, of which the command has changed /work/work.
      await Deno.mkdir(`${stale}/upper/work`, { recursive: true });
      await Deno.symlink(`${folder}/file`, `${stale}/upper/work/work`);
      // And what is only called so.
      const namesake = `/var/tmp/paddock-changes-${Deno.uid()}-4194304-y`;
      await Deno.symlink(folder, namesake);
      try {
        await attempt(sandbox().overlay("/o", { lower: ["/usr"], upper: "ephemeral" }), "true");
        const { mode } = await Deno.stat(`${folder}/file`);
        assertEquals(mode! & 0o777, 0o644);
        assertEquals([...Deno.readDirSync(folder)].length, 2);
        assertEquals(left(), [namesake.slice("/var/tmp/".length)]);
      } finally {
        await Deno.remove(namesake);
      }
    })));

Deno.test("what a killed program left is removed by the next one", () =>
  on("6.1.0", async () => {
    const stale = `/var/tmp/paddock-changes-${Deno.uid()}-4194304-x`;
    await Deno.mkdir(`${stale}/changes 1/work/work`, { recursive: true });
    await Deno.chmod(`${stale}/changes 1/work/work`, 0);
    await attempt(sandbox().overlay("/o", { lower: ["/usr/share"], upper: "ephemeral" }), "true");
    assertEquals(left(), []);
  }));
