import { assertEquals, assertThrows } from "@std/assert";
import { FILE_RIGHTS, FS_FEATURES } from "../../lib/landlock/features.ts";
import { landlockRuleset } from "../../lib/landlock/ruleset.ts";
import { type LandlockSpec, sandbox, SpecError, UnsupportedError } from "../../mod.ts";

/** The rules of a sandbox on a kernel with this version of Landlock. */
function rules(box: ReturnType<typeof sandbox>, version: number) {
  return landlockRuleset(box.spec, () => version);
}

const EVERYTHING: LandlockSpec = {
  paths: [{ path: "/usr", allow: "execute" }],
  tcp: { bind: [80], connect: [80, 443] },
  scopes: ["signal", "abstract_unix_socket"],
};

Deno.test("without rules the kernel is not even asked", () => {
  const version = () => {
    throw new Error("asked");
  };
  assertEquals(landlockRuleset(sandbox().spec, version), { skipped: [] });
});

Deno.test("what a kernel lacks is an UnsupportedError that says which release has it", () => {
  const cases: [version: number, feature: string, hint: RegExp][] = [
    [0, "Landlock", /lsm=/],
    [1, "Landlock's refer, truncate, ioctl_dev, bind_tcp", /version 6 came with Linux 6\.12/],
    [2, "Landlock's truncate, ioctl_dev, bind_tcp", /Linux 6\.12/],
    [5, "Landlock's signal, abstract_unix_socket", /version 5 of Landlock; version 6 /],
  ];
  for (const [version, feature, hint] of cases) {
    const error = assertThrows(
      () => rules(sandbox().landlock(EVERYTHING), version),
      UnsupportedError,
    );
    assertEquals(error.feature.startsWith(feature), true, error.feature);
    assertEquals(hint.test(error.hint ?? ""), true, error.hint);
  }
  assertEquals(rules(sandbox().landlock(EVERYTHING), 6).skipped, []);
});

Deno.test("only what is asked for must be there", () => {
  rules(sandbox().landlock({ tcp: { connect: [] } }), 4);
  rules(sandbox().landlock("from-mounts"), 5);
  rules(sandbox().landlock({ scopes: ["signal"] }), 6);
});

Deno.test("with optional, each version takes what it knows, and the rest is named", () => {
  const box = sandbox().landlock(EVERYTHING, { optional: true });
  const of = (version: number) => {
    const { ruleset, skipped } = rules(box, version);
    return [
      ruleset?.handledFs,
      ruleset?.handledNet,
      ruleset?.scoped,
      ruleset?.ports.length,
      skipped.length,
    ];
  };
  assertEquals(of(0), [undefined, undefined, undefined, undefined, 1]);
  assertEquals(rules(box, 0).skipped, ["landlock"]);
  assertEquals(of(1), [0x1fff, 0, 0, 0, 7]);
  assertEquals(of(2), [0x3fff, 0, 0, 0, 6]);
  assertEquals(rules(box, 2).skipped, [
    "landlock truncate",
    "landlock ioctl_dev",
    "landlock bind_tcp",
    "landlock connect_tcp",
    "landlock signal",
    "landlock abstract_unix_socket",
  ]);
  assertEquals(of(3), [0x7fff, 0, 0, 0, 5]);
  assertEquals(of(4), [0x7fff, 3, 0, 2, 3]);
  assertEquals(of(5), [0xffff, 3, 0, 2, 2]);
  assertEquals(of(6), [0xffff, 3, 3, 2, 0]);
  assertEquals(of(99), [0xffff, 3, 3, 2, 0]);
  // No rule asks for a right that the kernel would not know.
  for (let version = 1; version < 8; version++) {
    const { handledFs = 0, paths = [] } = rules(box, version).ruleset ?? {};
    for (const { directory, file } of paths) {
      assertEquals([directory & ~handledFs, file & ~(handledFs & FILE_RIGHTS)], [0, 0]);
    }
  }
});

Deno.test("a side of TCP that is not given is left alone, an empty one forbidden", () => {
  const { ruleset } = rules(sandbox().landlock({ tcp: { bind: [] } }), 7);
  assertEquals([ruleset?.handledFs, ruleset?.handledNet, ruleset?.ports], [0, 1, []]);
  const both = rules(sandbox().landlock({ tcp: { bind: [80], connect: [80] } }), 7).ruleset;
  assertEquals(both?.ports, [{ port: 80, allowed: 3 }]);
});

Deno.test("rules from the mounts: what is mounted writable, and nothing else", () => {
  const write = (box: ReturnType<typeof sandbox>) =>
    rules(box.landlock("from-mounts"), 7).ruleset!.paths
      .filter(({ directory }) => directory & 0x80).map(({ path }) => path);
  assertEquals(write(sandbox()), ["/dev/shm", "/tmp", "/run"]);
  assertEquals(
    write(
      sandbox().bind("/srv", "/a").bind("/srv", "/b", { writable: true }).tmpfs("/c")
        .overlay("/d", { lower: ["/srv"] }).overlay("/e", { lower: ["/srv"], upper: "ephemeral" }),
    ),
    ["/dev/shm", "/tmp", "/run", "/b", "/c", "/e"],
  );
  assertEquals(write(sandbox().root("/srv")), ["/dev/shm", "/tmp", "/run"]);
  assertEquals(write(sandbox().root("/srv", { writable: true }))[0], "/");
  assertEquals(write(sandbox().root("empty"))[0], "/");
});

Deno.test("nothing that rules name makes device files, unless by name", () => {
  const makeDevices = FS_FEATURES.filter(({ name }) => /^make_(char|block)$/.test(name))
    .reduce((all, { bit }) => all | bit, 0);
  const box = sandbox().tmpfs("/x").landlock({
    paths: [{ path: "/", allow: ["write", "execute"] }],
  });
  for (const one of [box, sandbox().landlock("from-mounts")]) {
    for (const { directory } of rules(one, 7).ruleset!.paths) {
      assertEquals(directory & makeDevices, 0);
    }
  }
  const named = sandbox().landlock({ paths: [{ path: "/", allow: ["make_char", "make_block"] }] });
  assertEquals(rules(named, 7).ruleset!.paths[0]!.directory, makeDevices);
  assertEquals(rules(named, 7).ruleset!.paths[0]!.file, 0);
});

Deno.test("rules that are none are SpecErrors that name the field", () => {
  const cases: [unknown, string][] = [
    [{}, "landlock"],
    [{ tcp: {} }, "landlock"],
    [{ scopes: [] }, "landlock"],
    [{ paths: "all" }, "landlock.paths"],
    [{ path: [] }, "landlock.path"],
    [{ paths: [{ path: "usr", allow: "read" }] }, "landlock.paths[0].path"],
    [{ paths: [{ path: "/usr", allow: "reed" }] }, "landlock.paths[0].allow"],
    [{ paths: [{ path: "/usr", allow: [] }] }, "landlock.paths[0].allow"],
    [{ paths: [{ path: "/usr" }] }, "landlock.paths[0].allow"],
    [{ paths: [{ path: "/usr", allow: "read", writable: true }] }, "landlock.paths[0].writable"],
    [{ tcp: { bind: [65536] } }, "landlock.tcp.bind[0]"],
    [{ tcp: { listen: [80] } }, "landlock.tcp.listen"],
    [{ scopes: ["signals"] }, "landlock.scopes[0]"],
    [{ paths: [], optional: "yes" }, "landlock.optional"],
    ["from-binds", "landlock"],
  ];
  for (const [spec, field] of cases) {
    const error = assertThrows(() => sandbox().landlock(spec as LandlockSpec), SpecError);
    assertEquals(error.field, field);
  }
});
