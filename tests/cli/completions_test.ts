/** The completions do in the shells what the table of commands says. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../lib/cli/command_table.ts";
import { bashScript } from "../../lib/cli/completion/bash.ts";
import { fishScript } from "../../lib/cli/completion/fish.ts";
import { completedCommands } from "../../lib/cli/completion/model.ts";
import { zshScript } from "../../lib/cli/completion/zsh.ts";
import { paddock, withFolder } from "./run.ts";

/** Command lines, and what is proposed at their ends; `...` where there may be more. */
const LINES: readonly (readonly [line: string, ...proposed: string[]])[] = [
  ["paddock ima", "image"],
  ["paddock image ", "import", "ls", "inspect", "export", "rm"],
  ["paddock image import --own", "--owners"],
  ["paddock image import --owners ", "keep", "flatten"],
  ["paddock image import fo", "found.yaml"],
  ["paddock image import found.yaml ", ""],
  ["paddock run --hostn", "--hostname"],
  ["paddock run --network ho", "host"],
  ["paddock run -t --network=bridge -f fo", "found.yaml"],
  ["paddock run --unshare n", "net"],
  ["paddock run -w ", "place"],
  ["paddock run -- /usr/bin/en", "/usr/bin/env", "..."],
  // What follows the command is its own, whatever it looks like.
  ["paddock run -- true --hostname fo", "found.yaml"],
  ["paddock seccomp te", "test"],
  ["paddock completions ", "bash", "zsh", "fish"],
  ["paddock completions bash ", ""],
];

async function has(shell: string): Promise<boolean> {
  try {
    return (await new Deno.Command(shell, { args: ["-c", "true"] }).output()).success;
  } catch {
    return false;
  }
}

/** Runs a shell in a folder with a file and a folder, and compares what it says for each line. */
async function compare(
  shell: string,
  script: string,
  args: readonly string[],
  asked: (line: string) => string,
): Promise<void> {
  await withFolder({ "script": script, "found.yaml": "" }, async (folder) => {
    const home = `${folder}/place/home`;
    await Deno.mkdir(home, { recursive: true });
    const body = LINES.map(([line]) => `${asked(line)}\necho ==`).join("\n");
    await Deno.writeTextFile(`${folder}/ask`, `. ./script\n${body}\n`);
    const { stdout, stderr } = await new Deno.Command(shell, {
      args: [...args, "ask"],
      cwd: folder,
      // No configuration of whoever runs the tests.
      env: { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home },
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    const answers = new TextDecoder().decode(stdout).split("==\n");
    LINES.forEach(([line, ...proposed], index) => {
      const words = answers[index]!.split("\n").map((word) =>
        word.split("\t")[0]!.replace(/\/$/, "")
      )
        .filter((word) => word !== "");
      const wanted = proposed.filter((word) => word !== "" && word !== "...");
      const got = proposed.includes("...") ? words.filter((word) => wanted.includes(word)) : words;
      assertEquals([...new Set(got)].sort(), wanted.sort(), `${shell}: ${line}`);
    });
  });
}

Deno.test({
  name: "bash completes what the table says",
  ignore: !await has("bash"),
  async fn() {
    const script = bashScript(await completedCommands(COMMANDS));
    await compare(
      "bash",
      `${script}\ncomplete -p paddock >registered\n`,
      ["--norc"],
      (line) =>
        `COMP_LINE='${line}' COMP_POINT=${line.length}; COMP_WORDS=(${line}); _paddock; ` +
        `printf '%s\\n' "\${COMPREPLY[@]}"`,
    );
  },
});

Deno.test({
  name: "fish completes what the table says (skipped where there is no fish)",
  ignore: !await has("fish"),
  async fn() {
    const script = fishScript(await completedCommands(COMMANDS));
    await compare("fish", script, ["--no-config"], (line) => `complete -C '${line}'`);
  },
});

/** A zsh in a terminal of its own, where each line is typed with a Tab and what `compadd` is given is written down. */
const ZSH_DRIVER = `
zmodload zsh/zpty
ask() {
  zpty shell zsh -f -i
  zpty -w shell "autoload -Uz compinit; compinit -u -D; . ./script; PS1=; zstyle ':completion:*' completer _complete"
  zpty -w shell 'compadd() { local -a all; builtin compadd -A all "$@"; print -rl -- $all >>given; builtin compadd "$@" }'
  zpty -w shell 'print ready >>ready'
  repeat 200; do [[ -s ready ]] && break; sleep 0.05; done
  zpty -n -w shell "$1"$'\\t'
  zpty -n -w shell $'\\C-u'
  zpty -w shell 'print done >>finished'
  repeat 200; do [[ -s finished ]] && break; sleep 0.05; done
  zpty -d shell
  [[ -f given ]] && cat given
  rm -f given ready finished
}
`;

Deno.test({
  name: "zsh completes what the table says (skipped where there is no zsh)",
  ignore: !await has("zsh"),
  async fn() {
    const script = zshScript(await completedCommands(COMMANDS));
    await withFolder({ script, ask: ZSH_DRIVER, "found.yaml": "" }, async (folder) => {
      for (
        const [line, wanted] of [
          ["paddock ima", "image"],
          ["paddock image import --owners k", "keep"],
          ["paddock run -f fo", "found.yaml"],
          ["paddock run --hostn", "--hostname"],
        ] as const
      ) {
        const { stdout, stderr } = await new Deno.Command("zsh", {
          args: ["-f", "-c", `. ./ask; ask '${line}'`],
          cwd: folder,
          env: { HOME: folder, ZDOTDIR: folder, TERM: "dumb" },
        }).output();
        assertEquals(new TextDecoder().decode(stderr), "");
        const words = new TextDecoder().decode(stdout).split("\n");
        assert(words.some((word) => word.startsWith(wanted)), `${line}: ${words.join(" ")}`);
      }
    });
  },
});

Deno.test("the command prints the script, and proposes a shell for a misspelt one", async () => {
  const bash = await paddock(["completions", "bash"]);
  assertEquals([bash.code, bash.stderr], [0, ""]);
  assertStringIncludes(bash.stdout, "complete -F _paddock paddock");
  const wrong = await paddock(["completions", "fihs"]);
  assertEquals([wrong.code, wrong.stdout], [125, ""]);
  assertStringIncludes(wrong.stderr, "did you mean fish?");
});
