/** The commands of detached sandboxes: what goes wrong is one line and exit code 125. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { inPlace } from "../lifecycle/support.ts";
import { start, text } from "./run.ts";

Deno.test("a name that is nobody's is one line, and the others are still served", async () => {
  await inPlace(async (place) => {
    const commands = [["ps"], ["logs"], ["wait"], ["stop"], ["kill"], ["rm"], ["rm", "-f"]];
    const ends = await Promise.all(commands.map((command) => place.paddock(...command, "nobody")));
    for (const { code, stdout, stderr } of ends) {
      assertEquals({ code, stdout, stderr }, {
        code: 125,
        stdout: "",
        stderr: 'paddock: there is no sandbox "nobody"; `paddock ps -a` lists them\n',
      });
    }
    const id = (await place.out("run", "-d", "--json", "--name", "there", "true")).trim();
    assertEquals(Object.keys(JSON.parse(id)), ["id", "name"]);
    const both = await place.paddock("wait", "nobody", "there");
    assertEquals([both.code, both.stderr.split("\n").length], [125, 2]);
    const removed = await place.paddock("rm", "nobody", "there");
    assertEquals([removed.code, place.ids()], [125, []]);
    for (const command of ["logs", "wait", "stop", "kill", "rm"]) {
      const { code, stderr } = await place.paddock(command);
      assertEquals(code, 125);
      assertMatch(stderr, /^paddock: command line: write `paddock \w+ \[options\] NAME[^`]*`\n$/);
    }
  });
});

Deno.test("an output that takes nothing is one line", async () => {
  await inPlace(async (place) => {
    await place.start("--name", "a", "echo", "out");
    assertEquals((await place.paddock("wait", "a")).code, 0);
    for (
      const command of [["ps", "-a"], ["ps", "-a", "--json"], ["wait", "--json", "a"], [
        "logs",
        "a",
      ]]
    ) {
      const script = '"$@" >/dev/full';
      const args = [
        "-c",
        script,
        "sh",
        Deno.execPath(),
        "run",
        "-A",
        "--quiet",
        "cli.ts",
        ...command,
      ];
      const { code, stderr } = await new Deno.Command("sh", {
        args,
        env: place.env,
        cwd: new URL("../../", import.meta.url),
      }).output();
      assertEquals(code, 125, command.join(" "));
      // With --json it is a line of that.
      assertMatch(text(stderr), /^(paddock: |\{)[^\n]+\n$/);
      // A reader that is gone.
      const child = start(command, { env: place.env });
      await child.stdout.cancel();
      const [status, errors] = await Promise.all([child.status, new Response(child.stderr).text()]);
      // As by SIGPIPE, where it was too late to have written all.
      assert([0, 141].includes(status.code), `${status.code}`);
      assertMatch(errors, /^((paddock: |\{)[^\n]+\n)?$/);
    }
  });
});

Deno.test("what is for a detached sandbox only, and what cannot be detached, is an error", async () => {
  await inPlace(async (place) => {
    const wrong: [string[], string][] = [
      [["--name", "a", "true"], "--name: is for a sandbox that outlives paddock; add --detach"],
      [["--log-size", "1M", "true"], "add --detach"],
      [["-d", "--log-files", "many", "true"], '--log-files: "many" is no number'],
      [["-d", "--log-size", "1", "true"], "--log-size: 1 is less than 4096 bytes"],
      [["-d", "--name", "a/b", "true"], 'name: "a/b" must be 1 to 63 letters'],
      [["-d", "-t", "sh"], "its terminal is relayed by the program that starts the sandbox"],
      [["-d", "--allow-domain", "deno.land", "true"], "--allow-domain: the gate is part of"],
      [["-d", "--root", "/", "--overlay-root", "--save-diff", "x", "true"], "--save-diff: "],
    ];
    for (const [args, words] of wrong) {
      const { code, stdout, stderr } = await place.paddock("run", ...args);
      assertEquals([code, stdout], [125, ""]);
      assertStringIncludes(stderr, words);
      assertMatch(stderr, /^paddock: [^\n]+\n$/);
    }
    const cleans = `data:application/typescript,export default {
      name: "cleans", preMount({ defer }) { defer(() => {}); } }`;
    const { code, stderr } = await place.paddock("run", "-d", "--hook", cleans, "sleep", "77");
    assertEquals(code, 125);
    assertStringIncludes(stderr, 'hook defer of plugin "cleans" failed: ');
    assertEquals(place.ids(), []);
  });
});
