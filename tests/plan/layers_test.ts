/**
 * Reads the module graph and fails on an import that points up, on a cycle, and on what a folder
 * may not import whatever its layer. Type imports count, and so do those done at run time.
 */
import { assert, assertEquals } from "@std/assert";

const HOME = new URL("../../", import.meta.url);

/** From bottom to top; folders end with a slash. Siblings of one line do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  [
    ...["lib/errors.ts", "lib/spec.ts", "lib/spec/", "lib/quantity.ts", "lib/nearest.ts"],
    ...["lib/known_keys.ts", "lib/sys/"],
  ],
  ["lib/agent/", "lib/ids/"],
  ["lib/net/"],
  ["lib/hook.ts", "lib/hook/", "lib/defaults.ts"],
  ["lib/schema/"],
  ["lib/plan/"],
  ["lib/landlock/", "lib/namespaces/", "lib/image/", "lib/seccomp/", "lib/cgroup/"],
  ["lib/state/"],
  ["lib/run/"],
  [
    "lib/pod.ts",
    "lib/pool.ts",
    "lib/presets.ts",
    "lib/presets/",
    "lib/running.ts",
    "lib/sandbox.ts",
    "lib/start.ts",
    "lib/probe/",
    "lib/repair/",
  ],
  ["lib/testing/"],
  ["mod.ts"],
  ["hooks/", "lib/cli/"],
  ["cli.ts"],
];

/** What deno.json exports for users, and so for plugins. */
const PUBLIC = ["mod.ts", "lib/sys/mod.ts", "lib/net/mod.ts", "lib/net/egress/mod.ts"];

/** Where plugins and the command are: neither knows the other. */
const FRONT = LAYERS.findIndex((places) => places.includes("hooks/"));

/** The one file below the plugins that loads them, each when it is first wanted. */
const REGISTRY = "lib/run/network_modes.ts";

/** What a file imports, both by paths from the project's root. */
type Graph = ReadonlyMap<string, readonly string[]>;

interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      code?: { specifier?: string };
      type?: { specifier?: string };
      isDynamic?: boolean;
    }[];
  }[];
}

function isSource(path: string): boolean {
  return path.endsWith(".ts") && !path.startsWith("std/") && !path.startsWith("node_modules/");
}

async function moduleGraph(): Promise<Graph> {
  // cli.ts imports the bundle, and its sources by a name that is put together.
  const roots = [
    "mod.ts",
    "cli.ts",
    "lib/cli/main.ts",
    "lib/cli/freshness.ts",
    "lib/testing/mod.ts",
  ];
  for await (const { name } of Deno.readDir(new URL("hooks/", HOME))) roots.push(`hooks/${name}`);
  const graph = new Map<string, readonly string[]>();
  const local = (specifier: string | undefined) =>
    specifier?.startsWith(HOME.href) ? specifier.slice(HOME.href.length) : "";
  for (const root of roots) {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", root],
      cwd: HOME,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
    for (const { specifier, error, dependencies = [] } of modules) {
      const path = local(specifier);
      if (!isSource(path)) continue;
      assertEquals(error, undefined, path);
      const imported = dependencies
        .filter(({ code, isDynamic }) =>
          !(path === REGISTRY && isDynamic && local(code?.specifier).startsWith("hooks/"))
        )
        .flatMap(({ code, type }) => [local(code?.specifier), local(type?.specifier)]);
      graph.set(path, [...new Set(imported.filter(isSource))].sort());
    }
  }
  return graph;
}

function isIn(path: string, place: string): boolean {
  return place.endsWith("/") ? path.startsWith(place) : path === place;
}

/** The layer's number and the place in it. */
function layer(path: string): { height: number; place: string } | undefined {
  for (const [height, places] of LAYERS.entries()) {
    const place = places.find((entry) => isIn(path, entry));
    if (place !== undefined) return { height, place };
  }
}

/** What the lowest layer may import of itself: the errors' names come from the kernel's table. */
function isAllowedAtTheBottom(from: string, to: string): boolean {
  if (from.startsWith("lib/sys/")) return to.startsWith("lib/sys/") || to === "lib/errors.ts";
  if (from === "lib/spec.ts" || from.startsWith("lib/spec/")) {
    return to.startsWith("lib/spec/") || to.startsWith("lib/sys/abi/");
  }
  if (from === "lib/errors.ts") return to === "lib/sys/abi/errno.ts";
  if (from === "lib/known_keys.ts") return to === "lib/errors.ts" || to === "lib/nearest.ts";
  if (from === "lib/quantity.ts") return to === "lib/errors.ts";
  return false;
}

/** Every import that breaks a rule, as text. */
function violations(graph: Graph): string[] {
  const found: string[] = [];
  for (const [from, imported] of graph) {
    const own = layer(from);
    if (!own) found.push(`${from} is in no layer`);
    for (const to of imported) {
      const other = layer(to);
      const edge = `${from} imports ${to}`;
      if (!own || !other) continue;
      if (other.height > own.height) found.push(`${edge}: it points up`);
      else if (own.height === 0 && !isAllowedAtTheBottom(from, to)) {
        found.push(`${edge}: the lowest layer knows little of itself`);
      } else if (own.height === other.height && own.height === FRONT && own.place !== other.place) {
        found.push(`${edge}: they are siblings`);
      }
      if (from.startsWith("lib/plan/") && to.startsWith("lib/run/")) {
        found.push(`${edge}: planning is pure`);
      }
      if (from.startsWith("hooks/") && !PUBLIC.includes(to)) {
        found.push(`${edge}: a plugin imports what a user's would`);
      }
      const table = to.startsWith("lib/sys/abi/") || to === "lib/sys/arch.ts";
      if (from === "lib/sys/abi/errno.ts" || (from.startsWith("lib/sys/abi/") && !table)) {
        found.push(`${edge}: a table imports other tables at most, that of the errors nothing`);
      }
    }
  }
  return found.sort();
}

/** Every strongly connected component of more than one node, or of one that imports itself. Tarjan. */
function cycles(graph: Graph): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node)!, low.get(next)!));
      } else if (stack.includes(next)) {
        low.set(node, Math.min(low.get(node)!, index.get(next)!));
      }
    }
    if (low.get(node) !== index.get(node)) return;
    const component = stack.splice(stack.indexOf(node));
    if (component.length > 1 || graph.get(node)?.includes(node)) found.push(component);
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** The graph of the layers' places, for cycles that no single file shows. */
function placeGraph(graph: Graph): Graph {
  const places = new Map<string, string[]>();
  for (const [from, imported] of graph) {
    const own = layer(from)?.place;
    for (const to of imported) {
      const other = layer(to)?.place;
      if (own === undefined || other === undefined || own === other) continue;
      // The one known exception: the table of errno names, which imports nothing.
      if (from === "lib/errors.ts" && to === "lib/sys/abi/errno.ts") continue;
      places.set(own, [...places.get(own) ?? [], other]);
    }
  }
  return places;
}

let reading: Promise<Graph> | undefined;
function read(): Promise<Graph> {
  return reading ??= moduleGraph();
}

Deno.test("the module graph is the project's", async () => {
  const graph = await read();
  for (const path of ["mod.ts", "cli.ts", "hooks/timing.ts", "lib/sys/abi/errno.ts"]) {
    assert(graph.has(path), path);
  }
  // Imports done at run time, and those of types alone, are in it.
  assert(graph.get("lib/cli/run.ts")!.includes("lib/cli/run_plain.ts"));
  assert(graph.get("lib/plan/facts.ts")!.includes("lib/spec.ts"));
});

Deno.test("every file of lib/ can be reached from an entry point", async () => {
  const graph = await read();
  const missing: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, HOME))) {
      if (isDirectory) await walk(`${folder}${name}/`);
      else if (isSource(name) && !graph.has(folder + name)) missing.push(folder + name);
    }
  };
  await walk("lib/");
  // Tables of the other architecture and doors of their own are named in deno.json or chosen late.
  const doors = ["lib/sys/mod.ts", "lib/net/mod.ts"];
  const fromDoors = await reachable(doors);
  assertEquals(missing.filter((path) => !fromDoors.has(path)).sort(), []);
});

async function reachable(roots: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const root of roots) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", root],
      cwd: HOME,
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
    for (const { specifier } of modules) found.add(specifier.slice(HOME.href.length));
  }
  return found;
}

Deno.test("imports point down only", async () => {
  assertEquals(violations(await read()), []);
});

Deno.test("no file imports itself, however long the way", async () => {
  assertEquals(cycles(await read()), []);
});

Deno.test("no layer imports itself by way of another", async () => {
  assertEquals(cycles(placeGraph(await read())), []);
});

Deno.test("the search finds what it looks for", () => {
  const of = (edges: Record<string, string[]>): Graph => new Map(Object.entries(edges));
  assertEquals(cycles(of({ a: ["b"], b: ["c"], c: ["d"], d: [] })), []);
  assertEquals(cycles(of({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })), []);
  assertEquals(cycles(of({ a: ["b"], b: ["c"], c: ["b"] })), [["b", "c"]]);
  assertEquals(cycles(of({ a: ["a"] })), [["a"]]);
  assertEquals(cycles(of({ a: ["b"], b: ["c"], c: ["a"], x: ["y"], y: ["x"] })).length, 2);
  const broken: [string, string][] = [
    ["lib/plan/plan.ts", "lib/run/run.ts"],
    ["lib/sys/file.ts", "lib/agent/client.ts"],
    ["lib/sys/abi/errno.ts", "lib/errors.ts"],
    ["lib/sys/abi/errno.ts", "lib/sys/arch.ts"],
    ["lib/sys/abi/mount.ts", "lib/sys/mount.ts"],
    ["lib/errors.ts", "lib/sys/file.ts"],
    ["lib/spec.ts", "lib/errors.ts"],
    ["lib/run/run.ts", "lib/sandbox.ts"],
    ["hooks/hosts.ts", "lib/spec.ts"],
    ["hooks/hosts.ts", "hooks/timing.ts"],
    ["lib/cli/run.ts", "hooks/timing.ts"],
    ["lib/sandbox.ts", "mod.ts"],
    ["mod.ts", "cli.ts"],
    ["lib/other.ts", "lib/spec.ts"],
  ];
  for (const [from, to] of broken) assert(violations(of({ [from]: [to] })).length > 0, from);
  assertEquals(violations(of({ "lib/errors.ts": ["lib/sys/abi/errno.ts"] })), []);
  assertEquals(violations(of({ "lib/sys/file.ts": ["lib/errors.ts"] })), []);
});
