import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { NamespaceSnapshot } from "../../mod.ts";
import { testIf } from "../integration/support.ts";
import { cliArgs, paddock, text, withFolder } from "./run.ts";

const OWN_NET = Number(/\d+/.exec(Deno.readLinkSync("/proc/self/ns/net"))![0]);

Deno.test("paddock ns prints a tree, and --json what the library gives", async () => {
  const tree = await paddock(["ns", "--processes"]);
  assertEquals(tree.code, 0);
  assertMatch(tree.stdout, new RegExp(`^.{0,12} net +${OWN_NET}  .*processes: `, "m"));
  assertStringIncludes(tree.stdout, ` ${Deno.pid} `);
  const json = await paddock(["ns", "--json"]);
  const snapshot: NamespaceSnapshot = JSON.parse(json.stdout);
  assertEquals([json.code, json.stderr, snapshot.version], [0, "", 1]);
  const net = snapshot.namespaces.find(({ id }) => id === OWN_NET)!;
  assertEquals(net.type, "net");
  assert(net.processes.some(({ pid }) => pid === Deno.pid));
  // Whoever may not look into all of them is told so.
  const { hiddenProcesses } = snapshot;
  assertEquals(tree.stderr !== "", hiddenProcesses > 0, tree.stderr);
});

Deno.test("paddock ns --dot and --svg", async () => {
  const dot = await paddock(["ns", "--dot"]);
  assertEquals(dot.code, 0);
  assertMatch(dot.stdout, new RegExp(`^digraph namespaces \\{$[^]*^  ns${OWN_NET} `, "m"));
  const svg = await paddock(["ns", "--svg"]);
  if (svg.stderr.includes("could not be loaded")) {
    console.warn('skipped: "--svg": neither `dot` nor the npm registry is here');
    assertEquals(svg.code, 125);
    return;
  }
  assertEquals(svg.code, 0, svg.stderr);
  assertMatch(svg.stdout, /^<\?xml[^]*<svg[^]*<\/svg>\n$/);
  assertStringIncludes(svg.stdout, String(OWN_NET));
});

Deno.test("paddock ns says what it does not know", async () => {
  for (
    const [args, message] of [
      [["--jsn"], "--jsn: there is no such option; did you mean --json?"],
      [["--svg", "--dot"], "--dot: --svg was given already; give one of them"],
      [["lst"], "lst: `paddock ns` has no such subcommand; see `paddock ns --help`"],
    ] as const
  ) {
    const { code, stdout, stderr } = await paddock(["ns", ...args]);
    assertEquals([code, stdout, stderr], [125, "", `paddock: ${message}\n`]);
  }
});

testIf(
  Deno.uid() === 0,
  "it takes root",
  "paddock ns pin, run --join and ns unpin",
  () =>
    withFolder({}, async (folder) => {
      const path = `${folder}/uts`;
      const pinned = await paddock(["ns", "pin", "--new", "--hostname", "fern", `uts=${path}`]);
      assertEquals([pinned.code, pinned.stderr], [0, ""]);
      const id = /^uts (\d+) (.*)\n$/.exec(pinned.stdout)!;
      assertEquals(id[2], path);
      const box = await paddock(["run", "--join", `uts=${path}`, "uname", "-n"]);
      assertEquals([box.stdout, box.stderr], ["fern\n", ""]);
      assertStringIncludes((await paddock(["ns"])).stdout, `uts    ${id[1]}  bound on ${path}\n`);
      assertEquals((await paddock(["ns", "unpin", path])).code, 0);
      const again = await paddock(["ns", "unpin", path]);
      assertEquals(again.code, 125);
      assertEquals(again.stderr.split("\n").length, 2, again.stderr);
    }),
);

testIf(
  Deno.uid() === 0,
  "it takes root",
  "a mount namespace is pinned where mounts are shared",
  () =>
    withFolder({}, async (folder) => {
      const path = `${folder}/mounts`;
      const paddockHere = [Deno.execPath(), ...cliArgs(["ns"])].map((word) => `'${word}'`).join(
        " ",
      );
      const script = `set -e; mount --make-rshared /
      ${paddockHere} pin --new mount=${path} | cut -d' ' -f2
      nsenter --mount=${path} readlink /proc/self/ns/mnt
      ${paddockHere} unpin ${path}
      ls ${folder}; grep ${path} /proc/self/mountinfo || true`;
      const { stdout, stderr } = await new Deno.Command("unshare", {
        args: ["-m", "--propagation", "unchanged", "sh", "-c", script],
      }).output();
      const [id, entered, ...rest] = text(stdout).trim().split("\n");
      assertEquals([text(stderr), entered, rest], ["", `mnt:[${id}]`, []]);
    }),
);

Deno.test("paddock ns pin says what is wrong with its arguments", async () => {
  for (
    const [args, message] of [
      [["--new", "--pid", "1", "net=/n"], "give one of --new, --pid PID, and a sandbox's name"],
      [["net=/n"], "give one of --new"],
      [["--new", "net"], "give one of --new"],
      [["--new", "net=/n", "net=/m"], "net was given already"],
      [["--new", "network"], "give one of --new"],
      [["--new", "nett=/n"], '"nett" is none of'],
      [["--pid", "0", "net=/n"], '"0" is no process id'],
      [["paddock-no-such", "net=/n"], 'there is no sandbox "paddock-no-such"'],
    ] as const
  ) {
    const { code, stderr } = await paddock(["ns", "pin", ...args]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, message);
  }
});

Deno.test("paddock ns calls a detached sandbox by its name, and pin finds it", () =>
  withFolder({}, async (folder) => {
    const env = { PADDOCK_STATE: `${folder}/state` };
    const here = (...args: string[]) => paddock(args, { env });
    const name = `ns-test-${Deno.pid}`;
    assertEquals((await here("run", "-d", "--name", name, "--", "sleep", "100")).stderr, "");
    try {
      const { stdout } = await here("ns");
      assertMatch(
        stdout,
        new RegExp(`net +\\d+  sandbox ${name}; \\d process(es)?: \\d+ sleep 100\n`),
      );
      const { code, stderr } = await here("ns", "pin", name, `net=${folder}/net`);
      if (Deno.uid() === 0) {
        assertEquals([code, stderr], [0, ""]);
        assertEquals((await here("ns", "unpin", `${folder}/net`)).code, 0);
      } else assertStringIncludes(stderr, "takes CAP_SYS_ADMIN");
    } finally {
      await here("kill", name);
      await here("wait", name);
      await here("rm", name);
    }
  }));
