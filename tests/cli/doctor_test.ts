/** `paddock doctor`: the report on paper, for programs, and the exit code. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findingLines } from "../../lib/cli/doctor/report.ts";
import { paintFor } from "../../lib/cli/colour.ts";
import { paddock } from "./run.ts";

const ESCAPE = "\x1b";

Deno.test("doctor ends with 0 where sandboxes start, and prints no colours into a pipe", async () => {
  const { code, stdout, stderr } = await paddock(["doctor", "sandbox", "kernel"]);
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, `Linux ${Deno.osRelease()}`);
  assertStringIncludes(stdout, "Sandboxes start here. 2 of 2 work.");
  assert(!stdout.includes(ESCAPE));
});

Deno.test("doctor --json has the fields that are documented", async () => {
  const { code, stdout } = await paddock(["doctor", "--json", "landlock"]);
  const report = JSON.parse(stdout);
  assertEquals(code, 0);
  assertEquals(Object.keys(report), ["usable", "kernel", "arch", "uid", "findings"]);
  const [{ id, group, title, status }] = report.findings;
  assertEquals([id, group, title], ["landlock", "Guards", "Landlock"]);
  assert(["works", "limited", "missing"].includes(status));
});

Deno.test("a wrong name and a wrong combination are errors", async () => {
  const wrong = await paddock(["doctor", "landlok"]);
  assertEquals([wrong.code, wrong.stdout], [125, ""]);
  assertStringIncludes(wrong.stderr, 'did you mean "landlock"?');
  const dry = await paddock(["doctor", "--dry-run"]);
  assertEquals(dry.code, 125);
  assertStringIncludes(dry.stderr, "goes with --repair");
});

Deno.test("what does not work is told with its cost and its remedy, aligned and wrapped", () => {
  const paint = paintFor({ isTerminal: () => false });
  const lines = findingLines(
    {
      id: "tun",
      group: "Network",
      title: "tunnel devices",
      status: "missing",
      detail: "it is not there",
      cost: "no network of this kind for anybody who would like to have one on this machine here",
      remedy: "sudo modprobe tun",
    },
    paint,
    80,
  );
  assertEquals(lines, [
    "  no      tunnel devices               tun",
    "          found: it is not there",
    "          costs: no network of this kind for anybody who would like to have one",
    "                 on this machine here",
    "          do:    sudo modprobe tun",
  ]);
});

Deno.test("colours are for terminals, and for nobody with NO_COLOR", async () => {
  const script = `
    import { paintFor } from "./lib/cli/colour.ts";
    console.log(JSON.stringify(paintFor({ isTerminal: () => true }).red("x")));
  `;
  const said = async (env: Record<string, string>) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", script],
      cwd: new URL("../../", import.meta.url),
      env: { NO_COLOR: "", TERM: "xterm", ...env },
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  assertEquals(await said({}), `${ESCAPE}[31mx${ESCAPE}[0m`);
  assertEquals(await said({ NO_COLOR: "1" }), "x");
  assertEquals(await said({ TERM: "dumb" }), "x");
});
