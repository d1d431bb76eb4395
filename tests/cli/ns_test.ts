import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { NamespaceSnapshot } from "../../mod.ts";
import { paddock } from "./run.ts";

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
