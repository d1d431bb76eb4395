import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { sandbox, SpecError, UnsupportedError } from "../../mod.ts";
import { inFolder, installed, lines, ROOT, run, sh, testIf } from "./support.ts";

const uid = Deno.uid()!, gid = Deno.gid()!;

/** What `/etc/subuid` (or `subgid`) gives the caller: its first range. */
function subordinate(file: string): { outside: number; count: number } | undefined {
  try {
    const name = Deno.readTextFileSync("/etc/passwd").split("\n")
      .find((line) => line.split(":")[2] === String(uid))?.split(":")[0];
    const line = Deno.readTextFileSync(file).split("\n")
      .find((entry) => [name, String(uid)].includes(entry.split(":")[0]));
    const [, outside, count] = line?.split(":") ?? [];
    return count === undefined ? undefined : { outside: Number(outside), count: Number(count) };
  } catch {
    return undefined;
  }
}

const idMaps = "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '";

Deno.test("by default one id is mapped, the caller's", async () => {
  const [uids, gids] = lines(await sh(sandbox(), idMaps)).map((line) => line.trim().split(" "));
  assertEquals([uids![0], uids![2]], [String(uid), "1"]);
  assertEquals([gids![0], gids![2]], [String(gid), "1"]);
});

Deno.test("user() is who the command is", async () => {
  const box = sandbox().user(4321, 1234);
  assertEquals(await sh(box, "id -u; id -g"), "4321\n1234\n");
  assertEquals(await sh(sandbox().user(77), "id -u; id -g"), "77\n77\n");
  assertEquals(await sh(sandbox().user(0), "id -u; id -g"), "0\n0\n");
});

Deno.test("setgroups is denied to an ordinary user's sandbox of one id", async () => {
  const setgroups = (await run(sandbox(), ["cat", "/proc/self/setgroups"])).trim();
  assertEquals(setgroups, ROOT ? "allow" : "deny");
});

testIf(
  ROOT,
  "only root maps any ids",
  "several ranges of ids, and supplementary groups",
  async () => {
    const box = sandbox().idMap({
      uids: [{ inside: 0, outside: 200_000, count: 10 }, {
        inside: 1000,
        outside: 300_000,
        count: 2,
      }],
      gids: [{ inside: 0, outside: 400_000, count: 10 }],
    }).user(1001, 3, [4, 5]);
    assertEquals(await sh(box, "id -u; id -g; id -G"), "1001\n3\n3 4 5\n");
    assertEquals(
      lines(await sh(box, idMaps)).map((line) => line.trim()),
      ["0 200000 10", "1000 300000 2", "0 400000 10"],
    );
    await using child = await box.spawn(["sleep", "30"], { stdin: "null" });
    const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
    assertMatch(status, /^Uid:\t300001\t300001\t300001\t300001$/m);
    assertMatch(status, /^Gid:\t400003\t400003\t400003\t400003$/m);
    assertMatch(status, /^Groups:\t400004 400005 ?$/m);
  },
);

testIf(
  ROOT,
  "only root maps any ids",
  "root's caller can map itself when that is spelled out",
  async () => {
    const box = sandbox().idMap({
      uids: [{ inside: 0, outside: 0 }],
      gids: [{ inside: 0, outside: 0 }],
    });
    await using child = await box.spawn(["sleep", "30"], { stdin: "null" });
    assertMatch(Deno.readTextFileSync(`/proc/${child.pid}/status`), /^Uid:\t0\t0\t0\t0$/m);
  },
);

testIf(
  ROOT,
  "for an ordinary user see the next test",
  'idMap("auto") as root maps 65536 ids',
  async () => {
    const [uids] = lines(await sh(sandbox().idMap("auto"), idMaps));
    const [inside, outside, count] = uids!.trim().split(" ").map(Number);
    const given = subordinate("/etc/subuid");
    assertEquals(inside, 0);
    assert(outside! >= 65_536, `uid 0 is ${outside} outside`);
    assertEquals(count, given?.count ?? 65_536);
  },
);

const given = ROOT ? undefined : subordinate("/etc/subuid");
const helper = given !== undefined && subordinate("/etc/subgid") !== undefined &&
  installed("newuidmap");

testIf(
  helper,
  ROOT
    ? "root writes maps itself"
    : "this user has no line in /etc/subuid and /etc/subgid, or newuidmap is missing",
  'idMap("auto") as an ordinary user goes by newuidmap',
  async () => {
    const box = sandbox().idMap("auto").user(5, 6, [7]);
    assertEquals(await sh(box, "id -u; id -g; id -G"), "5\n6\n6 7\n");
    const [first, second] = lines(await sh(sandbox().idMap("auto").user(0), idMaps));
    assertEquals(first!.trim(), `0 ${uid} 1`);
    assertEquals(second!.trim(), `1 ${given!.outside} ${given!.count}`);
    const explicit = sandbox().user(3).idMap({
      uids: [{ inside: 3, outside: given!.outside, count: 1 }],
      gids: [{ inside: 3, outside: subordinate("/etc/subgid")!.outside, count: 1 }],
    });
    assertEquals(await sh(explicit, "id -u; id -g"), "3\n3\n");
  },
);

testIf(
  !ROOT && given === undefined,
  ROOT ? "root needs no subordinate ids" : "this user has subordinate ids",
  'idMap("auto") without subordinate ids is an UnsupportedError that says what to add',
  async () => {
    const error = await assertRejects(
      () => sandbox().idMap("auto").output(["true"]),
      UnsupportedError,
    );
    assertMatch(error.message, /\/etc\/subuid/);
    assertMatch(error.hint, /usermod/);
  },
);

testIf(
  !ROOT,
  "root may map any id",
  "an ordinary user cannot map ids that are not its own",
  async () => {
    const error = await assertRejects(() =>
      sandbox().user(0).idMap({
        uids: [{ inside: 0, outside: 0 }],
        gids: [{ inside: 0, outside: 0 }],
      }).output(["true"])
    );
    assertMatch(String(error), /newuidmap|\/etc\/subuid/);
  },
);

testIf(
  ROOT,
  "switches users by su",
  "an ordinary user with subordinate ids, tried from a root's test",
  async () => {
    // Everything about this is real but who runs it: a user "nobody" with a line that is taken back.
    if (!["su", "newuidmap"].every(installed)) {
      return console.warn("skipped: su or newuidmap is not installed");
    }
    const account = Deno.readTextFileSync("/etc/passwd").split("\n")
      .map((line) => line.split(":")).find(([name]) => name === "nobody");
    if (!account) return console.warn("skipped: there is no user nobody");
    const files = ["/etc/subuid", "/etc/subgid"];
    const before = files.map((file) => {
      try {
        return Deno.readTextFileSync(file);
      } catch {
        return undefined;
      }
    });
    await inFolder(async (folder) => {
      const copy = `${folder}/paddock`;
      const project = new URL("../..", import.meta.url).pathname;
      const tar = new Deno.Command("sh", {
        args: [
          "-c",
          'mkdir "$1" && cd "$0" && tar cf - mod.ts deno.json lib std | tar xf - -C "$1" && mkdir "$1/home" && cp "$2" "$1/deno" && chown -R "$3" "$1"',
          project,
          copy,
          Deno.execPath(),
          `${account[2]}:${account[3]}`,
        ],
      });
      const { success, stderr } = await tar.output();
      if (!success) return console.warn(`skipped: ${new TextDecoder().decode(stderr)}`);
      await Deno.writeTextFile(
        `${copy}/try.ts`,
        `import { sandbox } from "./mod.ts";
       const { stdout, stderr } = await sandbox().idMap("auto").user(5, 6, [7])
         .output(["sh", "-c", "id -u; id -g; id -G; cat /proc/self/uid_map | tr -s ' '"]);
       await Deno.stdout.write(stdout);
       await Deno.stderr.write(stderr);`,
      );
      try {
        files.forEach((file, index) => {
          const others = (before[index] ?? "").split("\n").filter((line) =>
            !line.startsWith("nobody:")
          );
          Deno.writeTextFileSync(
            file,
            [...others.filter(Boolean), "nobody:524288:1000", ""].join("\n"),
          );
        });
        const done = await new Deno.Command("su", {
          args: [
            "nobody",
            "-s",
            "/bin/sh",
            "-c",
            `cd ${copy} && HOME=${copy}/home DENO_DIR=${copy}/home PATH=/usr/sbin:/usr/bin:/sbin:/bin ./deno run -A --no-check try.ts`,
          ],
        }).output();
        const said = new TextDecoder().decode(done.stderr);
        assertEquals(
          lines(new TextDecoder().decode(done.stdout)).map((line) => line.trim()),
          ["5", "6", "6 7", `0 ${account[2]} 1`, "1 524288 1000"],
          said,
        );
      } finally {
        files.forEach((file, index) => {
          if (before[index] === undefined) Deno.removeSync(file);
          else Deno.writeTextFileSync(file, before[index]!);
        });
      }
    });
  },
);

Deno.test("files made in a tmpfs belong to the command's user", async () => {
  assertEquals(await sh(sandbox().user(12, 34), "touch /tmp/x; stat -c %u:%g /tmp/x"), "12:34\n");
});

Deno.test("contradictions are SpecErrors", () => {
  const outside = { inside: 5, outside: uid };
  assertThrows(
    () => sandbox().idMap({ uids: [outside], gids: [outside] }).user(6).plan(),
    SpecError,
  );
  assertThrows(() => sandbox().idMap({ uids: [], gids: [] }).plan(), SpecError);
  assertThrows(() => sandbox().user(-1).plan(), SpecError);
  assertThrows(() => sandbox().share("user").idMap("auto").plan(), SpecError);
});
