import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Sandbox, sandbox, SpecError, StepError, UnsupportedError } from "../../mod.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../lib/sys/abi/fcntl.ts";
import { close, open } from "../../lib/sys/file.ts";
import { attempt, inFolder, lines, ROOT, run, sh, testIf, until } from "./support.ts";

/** The flags of the mounts on a path and below it. */
async function flags(box: Sandbox, path: string): Promise<Record<string, string[]>> {
  const table = lines(await run(box, ["cat", "/proc/self/mountinfo"])).map((line) =>
    line.split(" ")
  );
  return Object.fromEntries(
    table.filter(([, , , , place]) => place === path || place!.startsWith(`${path}/`))
      .map((fields) => [fields[4]!, fields[5]!.split(",")]),
  );
}

async function command(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  assert(success, `${program} ${args.join(" ")}`);
}

Deno.test("a bind has the flags that it was given, and what is mounted below has them, too", async () => {
  const box = sandbox().bind("/dev", "/d", { noexec: true, nosymfollow: true });
  const found = await flags(box, "/d");
  assert(Object.keys(found).length > 1, "something is mounted below the host's /dev");
  for (const [path, words] of Object.entries(found)) {
    for (const word of ["ro", "nosuid", "nodev", "noexec", "nosymfollow"]) {
      assert(words.includes(word), `${path} ${word}`);
    }
  }
  const loose = await flags(sandbox().bind("/usr", "/u", { nosuid: false, nodev: false }), "/u");
  assert(loose["/u"]!.includes("ro"));
  assert(!loose["/u"]!.includes("nodev") && !loose["/u"]!.includes("nosuid"));
});

Deno.test("noexec and nosymfollow mean what they say", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/script`, "#!/bin/sh\necho ran", { mode: 0o755 });
    await Deno.symlink("script", `${folder}/link`);
    const box = sandbox().bind(folder, "/d", { noexec: true, nosymfollow: true });
    assertMatch((await attempt(box, "/d/script")).stderr, /Permission denied/);
    assertMatch((await attempt(box, "cat /d/link")).stderr, /Too many levels/);
    assertEquals(await sh(sandbox().bind(folder, "/d"), "/d/link"), "ran\n");
  });
});

testIf(
  ROOT,
  "an ordinary user cannot leave out mounts",
  "a bind that is not recursive",
  async () => {
    const box = sandbox().bind("/dev", "/d", { recursive: false });
    assertEquals(Object.keys(await flags(box, "/d")), ["/d"]);
  },
);

testIf(
  !ROOT,
  "root can leave out mounts",
  "leaving out mounts is refused with a hint",
  async () => {
    const box = sandbox().bind("/dev", "/d", { recursive: false });
    const error = await assertRejects(() => box.output(["true"]), StepError);
    assertMatch(error.message, /EINVAL.*cannot leave out what is mounted below/);
  },
);

Deno.test("a descriptor is bound, whatever has become of its path", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a`);
    await Deno.writeTextFile(`${folder}/a/note`, "a");
    const fd = open(`${folder}/a`, { flags: O_PATH | O_DIRECTORY | O_CLOEXEC });
    try {
      const box = sandbox().bind({ fd }, "/d");
      assertEquals(await sh(box, "cat /d/note"), "a");
      await Deno.rename(`${folder}/a`, `${folder}/b`);
      assertEquals(await sh(box, "cat /d/note"), "a");
      await Deno.mkdir(`${folder}/a`);
      await Deno.writeTextFile(`${folder}/a/note`, "another");
      assertEquals(await sh(box, "cat /d/note"), "a");
      assertMatch((await attempt(box, "touch /d/x")).stderr, /Read-only/);
      const both = sandbox().bind({ fd }, "/d").bind({ fd }, "/e", { writable: true });
      assertEquals(await sh(both, "touch /e/x; ls /d"), "note\nx\n");
    } finally {
      close(fd);
    }
  });
});

Deno.test("a descriptor that is not open is an error", async () => {
  await assertRejects(
    () => sandbox().bind({ fd: 999 }, "/d").output(["true"]),
    Error,
    ROOT ? "EBADF" : "is not open",
  );
  await assertRejects(
    async () => await sandbox().bind({ fd: -1 }, "/d").output(["true"]),
    SpecError,
  );
});

testIf(
  ROOT,
  "only root can make mounts on the host",
  "a slave hears of the host's later mounts, and the host of none inside",
  () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/later`);
      await command("mount", "--bind", folder, folder);
      try {
        await command("mount", "--make-shared", folder);
        for (const box of [sandbox(), sandbox().share("user")]) {
          const bound = box.bind(folder, "/slave", { propagation: "slave" }).bind(
            folder,
            "/private",
          )
            .bind("/usr/bin", "/slave/later");
          await using child = await bound.spawn(["sleep", "60"], { stdin: "null" });
          await command("mount", "-t", "tmpfs", "later", `${folder}/later`);
          const places = () =>
            lines(Deno.readTextFileSync(`/proc/${child.pid}/mountinfo`))
              .filter((line) => line.includes(" - tmpfs later ")).map((line) => line.split(" ")[4]);
          assert(await until(() => places().length > 0));
          assertEquals(places(), ["/slave/later"]);
          await command("umount", `${folder}/later`);
          const host = Deno.readTextFileSync("/proc/self/mountinfo");
          assert(!host.includes(` ${folder}/later `));
          child.kill("SIGKILL");
        }
      } finally {
        await command("umount", "--recursive", folder);
      }
    }),
);

testIf(
  ROOT,
  "only root can map owners",
  "a bind shows the owners that its map says",
  () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/theirs`, "");
      await Deno.chown(`${folder}/theirs`, 1234, 4321);
      await Deno.chown(folder, 1234, 4321);
      const idMap = {
        uids: [{ inside: 0, outside: 1234 }],
        gids: [{ inside: 0, outside: 4321 }],
      };
      for (const box of [sandbox(), sandbox().share("user")]) {
        const bound = box.bind(folder, "/d", { writable: true, idMap });
        const script = "stat -c %u:%g /d/theirs; touch /d/new; stat -c %u:%g /d/new";
        assertEquals(await sh(bound, script), "0:0\n0:0\n");
        const { uid, gid } = await Deno.stat(`${folder}/new`);
        assertEquals([uid, gid], [1234, 4321]);
        await Deno.remove(`${folder}/new`);
      }
      const several = sandbox().user(5).idMap({
        uids: [{ inside: 5, outside: 300_000, count: 3 }],
        gids: [{ inside: 5, outside: 300_000, count: 3 }],
      }).bind(folder, "/d", {
        idMap: {
          uids: [{ inside: 6, outside: 1234, count: 2 }],
          gids: [{ inside: 5, outside: 4320, count: 2 }],
        },
      });
      assertEquals(await sh(several, "stat -c %u:%g /d/theirs"), "6:6\n");
      const wrong = sandbox().bind(folder, "/d", {
        idMap: { uids: [{ inside: 7, outside: 1 }], gids: [{ inside: 0, outside: 1 }] },
      });
      const error = await assertRejects(() => wrong.output(["true"]), SpecError);
      assertEquals(error.field, "mounts[4].idMap.uids[0]");
    }),
);

testIf(
  ROOT,
  "only root can map owners",
  "a root directory shows the owners that its map says",
  () =>
    inFolder(async (folder) => {
      await Deno.mkdir(`${folder}/usr`);
      for (const name of ["bin", "lib", "lib64"]) {
        await Deno.symlink(`usr/${name}`, `${folder}/${name}`);
      }
      for (const name of ["proc", "dev", "tmp", "run"]) {
        await Deno.mkdir(`${folder}/${name}`);
      }
      await Deno.writeTextFile(`${folder}/theirs`, "");
      await Deno.chown(`${folder}/theirs`, 1234, 4321);
      const idMap = {
        uids: [{ inside: 0, outside: 1234 }],
        gids: [{ inside: 0, outside: 4321 }],
      };
      const box = sandbox().root(folder, { idMap }).bind("/usr");
      assertEquals(await sh(box, "stat -c %u:%g /theirs"), "0:0\n");
    }),
);

testIf(
  !ROOT,
  "root can map owners",
  "maps of a mount are for root only, and that is said",
  async () => {
    const idMap = { uids: [{ inside: 0, outside: 1 }], gids: [{ inside: 0, outside: 1 }] };
    await assertRejects(
      () => sandbox().bind("/usr", "/u", { idMap }).output(["true"]),
      UnsupportedError,
      "run as root",
    );
  },
);
