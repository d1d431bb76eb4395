/** `--explain=svg` and `--explain=mermaid` show what the sandbox is, whatever is in its names. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mermaid } from "../../lib/cli/picture/mermaid.ts";
import { type Scene, sceneOf } from "../../lib/cli/picture/scene.ts";
import { svg } from "../../lib/cli/picture/svg.ts";
import { defineHook, Sandbox, sandbox } from "../../mod.ts";
import { paddock } from "./run.ts";

function scene(box: Sandbox, ...plugins: string[]): Scene {
  const named = plugins.map((name) => defineHook({ name }));
  // Who may make no cgroups has no plan of limits; what is drawn of them is in the description.
  const { limits: _, ...rest } = box.spec;
  const plan = Sandbox.from(rest).plan(["make", "test"]);
  return sceneOf(box.spec, plan, ["make", "test"], named, 1000);
}

function row(shown: Scene, title: string) {
  return shown.rows.find((it) => it.title === title)!;
}

Deno.test("the default sandbox: nothing of the host can be changed, and nothing passes", () => {
  const shown = scene(sandbox());
  assertEquals(row(shown, "processes").inside.at(-1), "the command: make test");
  assertEquals(row(shown, "files").connection, { label: "shown, read-only", kind: "guarded" });
  assert(row(shown, "files").inside.includes("/  tmpfs, read-only"));
  assertEquals(row(shown, "network").connection.kind, "none");
  assertEquals(row(shown, "namespaces").inside, ["new: cgroup ipc mount net pid user uts"]);
});

Deno.test("what is loosened and what is limited can be seen", () => {
  const box = sandbox().bind("/etc", "/mnt", { writable: true }).timeout("30s")
    .limits({ memory: "256M", pids: 64 }).rlimit("nofile", 100).seccomp("none");
  const shown = scene(box, "watch");
  assertEquals(row(shown, "files").connection.kind, "free");
  assert(row(shown, "files").inside.includes("/mnt  /etc, writable"));
  assertEquals(row(shown, "limits").inside, ["memory: 256M", "pids: 64", "nofile: 100"]);
  assertEquals(row(shown, "processes").connection.label, "kills it after 30s");
  assertEquals(row(shown, "guards").connection.kind, "free");
  assert(row(shown, "guards").host.includes('plugin "watch"'));
});

Deno.test("each network is drawn as what it is", () => {
  const gate = row(
    scene(sandbox().network({ mode: "none", allowDomains: ["deno.land"] })),
    "network",
  );
  assertEquals([gate.inside, gate.connection.outward], [["lo", "deno.land"], true]);
  const host = row(scene(sandbox().network("host")), "network");
  assertEquals([host.connection.kind, host.connection.label], ["free", "the same one"]);
  const pasta = row(scene(sandbox().network("pasta").publish("8080:80")), "network");
  assertEquals(pasta.host, ["pasta", "port 8080:80"]);
});

const NASTY: Scene = {
  name: 'a"]b<c>&',
  rows: [{
    title: "files",
    host: ['/x"]\nend', "</text><script>", "&amp;", "\x1b[31m"],
    connection: { label: 'p|q"', kind: "free" },
    inside: ["#quot;", "%%{init}%%"],
  }],
};

Deno.test("no name can break out of its place", () => {
  const picture = svg(NASTY);
  for (const wrong of ["<script>", "\x1b", '"]b<c>', "&amp;"]) {
    assert(!picture.includes(wrong), wrong);
  }
  assertEquals(picture.match(/<text /g)?.length, picture.match(/<\/text>/g)?.length);
  const chart = mermaid(NASTY);
  for (const line of chart.split("\n")) {
    assert((line.match(/"/g)?.length ?? 0) % 2 === 0 && !/\n|<script|%%|\|q/.test(line), line);
  }
  assertEquals(chart.split("\n").filter((line) => line === "  end").length, 2);
});

async function has(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "the SVG can be rendered and is not empty (skipped without rsvg-convert)",
  ignore: !await has("rsvg-convert"),
  async fn() {
    for (const picture of [svg(scene(sandbox().limits({ pids: 64 }))), svg(NASTY)]) {
      const child = new Deno.Command("rsvg-convert", {
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      await new Blob([picture]).stream().pipeTo(child.stdin);
      const { success, stdout, stderr } = await child.output();
      assert(success, new TextDecoder().decode(stderr));
      assertEquals([...stdout.subarray(1, 4)], [...new TextEncoder().encode("PNG")]);
      assert(stdout.length > 4000, `${stdout.length} bytes`);
    }
  },
});

Deno.test("the command line prints them, runs nothing, and knows no others", async () => {
  const picture = await paddock(["run", "--explain=svg", "--hostname", "fern", "--", "/no/such"]);
  assertEquals([picture.code, picture.stderr], [0, ""]);
  assert(picture.stdout.startsWith("<svg ") && picture.stdout.endsWith("</svg>\n"));
  assertStringIncludes(picture.stdout, "sandbox fern");
  const chart = await paddock(["run", "--explain=mermaid", "true"]);
  assertStringIncludes(chart.stdout, "flowchart LR\n");
  const wrong = await paddock(["run", "--explain=sgv", "true"]);
  assertEquals(wrong.code, 125);
  assertStringIncludes(wrong.stderr, "none of svg, mermaid; did you mean svg?");
});
