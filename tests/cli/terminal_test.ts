import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cliArgs, paddock, start, text } from "./run.ts";

const TMUX = (() => {
  try {
    return new Deno.Command("tmux", { args: ["-V"] }).outputSync().success;
  } catch {
    return false;
  }
})();
if (!TMUX) console.warn("tests/cli/terminal_test.ts: tmux is missing; apt-get install tmux");

Deno.test("-t works without a terminal: a pipe's end is Ctrl-D", async () => {
  const ended = await paddock(["run", "-t", "cat"], {}, "one\ntwo");
  // The terminal echoes what is typed, and cat says it again.
  assertEquals(ended.code, 0);
  assertStringIncludes(ended.stdout, "one\r\n");
  assertStringIncludes(ended.stdout, "two");
});

Deno.test("-t ends an interactive shell whose input has ended", async () => {
  const ended = await paddock(["run", "-t", "--", "bash", "--norc"], {}, "echo $((6*7))\n");
  assertEquals(ended.code, 0);
  assertStringIncludes(ended.stdout, "42\r\n");
});

Deno.test("-t shows everything before it ends", async () => {
  const ended = await paddock(["run", "-t", "--", "seq", "50000"]);
  assertEquals(ended.code, 0);
  assertEquals(ended.stdout.split("\r\n").length, 50001);
});

Deno.test("-t hangs up when nobody reads any more", async () => {
  await using child = start(["run", "-t", "yes"]);
  const reader = child.stdout.getReader();
  assertStringIncludes(text((await reader.read()).value!), "y\r\n");
  await reader.cancel();
  assertEquals((await child.status).code, 128 + 1);
  await child.stderr.cancel();
});

/** A terminal with paddock on it, as a person has it: keys go in, a screen comes out. */
class Screen implements AsyncDisposable {
  readonly #socket = `paddock-test-${Deno.pid}-${Math.random().toString(36).slice(2)}`;

  async #tmux(...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-L", this.#socket, "-f", "/dev/null", ...args],
      stdin: "null",
    }).output();
    assert(success, `tmux ${args[0]}: ${text(stderr)}`);
    return text(stdout);
  }

  async open(script: string): Promise<void> {
    await this.#tmux("new-session", "-d", "-x", "100", "-y", "30", `sh -c '${script}'`);
  }

  async type(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** Waits until the screen shows something. */
  async see(pattern: RegExp): Promise<string> {
    const until = Date.now() + 15_000;
    for (;;) {
      const shown = await this.#tmux("capture-pane", "-p");
      if (pattern.test(shown)) return shown;
      assert(Date.now() < until, `never saw ${pattern} in:\n${shown}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
  }
}

Deno.test({
  name: "-t is a real terminal: size, Ctrl-C, job control, resize, exit code",
  ignore: !TMUX,
  async fn() {
    await using screen = new Screen();
    const words = [Deno.execPath(), ...cliArgs(["run", "-t", "--", "bash", "--norc"])];
    await screen.open(`${words.join(" ")} ; echo code=$? ; stty -a ; sleep 20`);
    await screen.see(/^bash-[\d.]+[#$]$/m);
    await screen.type("PS1='> '; clear; tty; stty size", "Enter");
    await screen.see(/^\/dev\/pts\/\d+\n30 100\n>/m);
    // The job's own answer, and not the line as it is typed, shows that it is in the foreground.
    await screen.type("sh -c 'echo $((1+1)); exec sleep 60'", "Enter");
    await screen.see(/^2$/m);
    await screen.type("C-c");
    await screen.see(/\^C\n>/);
    await screen.type("echo rc=$?", "Enter");
    await screen.see(/^rc=130$/m);
    await screen.type("clear; sh -c 'echo $((2+2)); exec sleep 1'", "Enter");
    await screen.see(/^4$/m);
    await screen.type("C-z");
    await screen.see(/Stopped +sh -c/);
    await screen.type("fg; echo back=$?", "Enter");
    await screen.see(/^back=0$/m);
    await screen.resize(90, 25);
    await screen.type("clear; stty size", "Enter");
    await screen.see(/^25 90$/m);
    await screen.type("exit 7", "Enter");
    const last = await screen.see(/echoke/);
    assertStringIncludes(last, "code=7");
    // The terminal is as it was.
    assert(/^isig icanon /m.test(last) && /^opost /m.test(last), last);
  },
});

Deno.test({
  name: "-t gives the command the right size from its first moment, and leaves errors readable",
  ignore: !TMUX,
  async fn() {
    await using screen = new Screen();
    const words = [Deno.execPath(), ...cliArgs(["run", "-t"])].join(" ");
    await screen.open(`${words} stty size; ${words} -w /not/there true; stty -a; sleep 20`);
    const last = await screen.see(/echoke/);
    assertStringIncludes(last, "30 100");
    assertStringIncludes(last, "paddock: step");
    assert(/ icanon /.test(last), last);
  },
});
