import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { sandbox, type SandboxProcess, SpecError } from "../../mod.ts";
import { openDescriptors, text, until } from "./support.ts";

const box = sandbox().tty();

/** Collects what a terminal shows. */
class Screen {
  shown = "";
  ended = false;

  constructor(child: SandboxProcess) {
    (async () => {
      for await (const chunk of child.stdout) this.shown += text(chunk);
      this.ended = true;
    })();
  }

  async shows(words: string | RegExp): Promise<void> {
    const found = await until(
      () => typeof words === "string" ? this.shown.includes(words) : words.test(this.shown),
    );
    assert(found, `"${words}" is not in ${JSON.stringify(this.shown)}`);
  }
}

async function type(child: SandboxProcess, words: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(words));
  writer.releaseLock();
}

Deno.test("the command has a terminal of the sandbox's own", async () => {
  const { stdout, code } = await box.output([
    "sh",
    "-c",
    "tty; tty < /dev/tty > /dev/null && echo controlling",
  ]);
  assertEquals(code, 0);
  assertMatch(text(stdout), /^\/dev\/pts\/\d+\r\ncontrolling\r\n$/);
});

Deno.test("all three streams are the terminal", async () => {
  const { stdout } = await box.output([
    "sh",
    "-c",
    "test -t 0 && test -t 1 && test -t 2 && echo all; echo err >&2",
  ]);
  assertEquals(text(stdout), "all\r\nerr\r\n");
});

Deno.test("the terminal belongs to the command's user", async () => {
  const { stdout } = await box.output(["sh", "-c", 'stat -c %u "$(tty)"']);
  assertEquals(text(stdout), `${Deno.uid()}\r\n`);
});

Deno.test("resize() is what stty says, and a SIGWINCH", async () => {
  await using child = await box.spawn([
    "sh",
    "-c",
    "trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done",
  ]);
  const screen = new Screen(child);
  await screen.shows("ready");
  child.terminal.resize(100, 40);
  await screen.shows("40 100");
  child.terminal.resize(81, 25);
  await screen.shows("25 81");
});

Deno.test("what is typed is echoed and read", async () => {
  await using child = await box.spawn(["sh", "-c", "echo ready; read line; echo got:$line"]);
  const screen = new Screen(child);
  await screen.shows("ready");
  await type(child, "fern\n");
  await screen.shows("fern\r\ngot:fern");
  assertEquals((await child.status).code, 0);
});

Deno.test("Ctrl-C interrupts, Ctrl-D ends the input, Ctrl-Z stops nothing else", async () => {
  await using child = await box.spawn(["sleep", "60"]);
  const screen = new Screen(child);
  assert(
    await until(() => Deno.readTextFileSync(`/proc/${child.pid}/cmdline`).startsWith("sleep")),
  );
  await type(child, "\x03");
  assertEquals((await child.status).signal, "SIGINT");
  await screen.shows("^C");
  await using reader = await box.spawn(["cat"]);
  new Screen(reader);
  await type(reader, "\x04");
  assertEquals((await reader.status).code, 0);
});

Deno.test("a shell does job control: it is in the foreground of its own session", async () => {
  const { stdout } = await box.output(["sh", "-c", "cut -d ' ' -f 5-8 /proc/$$/stat"]);
  const [group, session, device, foreground] = text(stdout).trim().split(" ").map(Number);
  assertEquals([group, foreground], [session, session]);
  assert(device !== 0, "no controlling terminal");
});

Deno.test("the terminal's end is seen when the command has ended", async () => {
  await using child = await box.spawn(["sh", "-c", "echo last words"]);
  const screen = new Screen(child);
  await child.status;
  assert(await until(() => screen.ended), "the stream does not end");
  assertEquals(screen.shown, "last words\r\n");
});

Deno.test("a command that ends at once loses nothing, and its terminal is closed", async () => {
  await box.output(["true"]);
  const before = openDescriptors();
  for (let turn = 0; turn < 40; turn++) {
    assertEquals(text((await box.output(["echo", String(turn)])).stdout), `${turn}\r\n`);
  }
  assert(await until(() => openDescriptors() <= before), `${before}, then ${openDescriptors()}`);
});

Deno.test("resize() after the end does nothing", async () => {
  const child = await box.spawn(["true"]);
  await child.stdout.cancel();
  await child.status;
  child.terminal.resize(10, 10);
});

Deno.test("much output through a terminal arrives whole", async () => {
  const { stdout } = await box.output([
    "sh",
    "-c",
    "stty -opost; head -c 1000000 /dev/zero | tr '\\0' x",
  ]);
  assertEquals(stdout.length, 1_000_000);
});

Deno.test("the host's terminals are not reachable", async () => {
  const { stdout } = await box.output(["sh", "-c", "ls /dev/pts"]);
  const names = text(stdout).split(/\s+/).filter(Boolean).sort();
  assertEquals(names, ["0", "ptmx"]);
});

Deno.test("a terminal needs a /dev of the sandbox's own", async () => {
  const error = await assertRejects(() => box.share("mount").output(["true"]), SpecError);
  assertEquals(error.field, "tty");
});
