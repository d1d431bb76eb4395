/**
 * The completions for fish: one `complete` for each option and each place.
 *
 * @module
 */

import type { CompletedCommand, CompletedOption, Tokens } from "./model.ts";

/** A word in single quotes, as fish reads them. */
function quoted(word: string): string {
  return `'${word.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** Things that fish is asked for, or that paddock is. */
const THINGS: Readonly<Record<string, string>> = {
  "@command": "(__fish_complete_command)",
  "@directory": "(__fish_complete_directories (commandline -ct))",
  "@image": "(paddock image ls --quiet 2>/dev/null)",
  "@sandbox": "(paddock ps --quiet 2>/dev/null)",
};

/** The flags of `complete` for what can stand in a place. */
function proposals(tokens: Tokens): string {
  const words = tokens.flatMap((token) =>
    token.startsWith("@") ? THINGS[token] === undefined ? [] : [THINGS[token]] : [token]
  );
  const files = tokens.includes("@file") ? "-F" : "-f";
  return words.length === 0 ? files : `${files} -a ${quoted(words.join(" "))}`;
}

function optionLine(path: string, { names, help, value }: CompletedOption): string {
  const flags = names.map((name) =>
    name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`
  );
  const takes = value === undefined ? "" : ` -r ${proposals(value)}`;
  const condition = quoted(`__paddock_at ${JSON.stringify(path)}`);
  return `complete -c paddock -n ${condition} ${flags.join(" ")}${takes} -d ${quoted(help)}`;
}

function commandLines(command: CompletedCommand): string[] {
  const { path, options, subcommands, operands } = command;
  const at = `__paddock_at ${JSON.stringify(path)}`;
  const lines = options.map((option) => optionLine(path, option));
  for (const { name, summary } of subcommands) {
    lines.push(`complete -c paddock -n ${quoted(`${at} 0`)} -f -a ${name} -d ${quoted(summary)}`);
  }
  if (subcommands.length > 0) return lines;
  operands.forEach((tokens, index) => {
    const place = index === operands.length - 1 ? `${index}+` : `${index}`;
    lines.push(`complete -c paddock -n ${quoted(`${at} ${place}`)} ${proposals(tokens)}`);
  });
  return lines;
}

/** The script. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const paths = commands.map(({ path }) => path).filter((path) => path !== "");
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => quoted(`${path} ${name}`))
    )
  );
  const runs = commands.filter((command) => command.runs).map(({ path }) => quoted(path));
  return `# Completions of paddock for fish: paddock completions fish | source
function __paddock_at -d 'Whether a command, and a place of its operands, is where the cursor is'
    set -l command ''
    set -l operands 0
    set -l option ''
    set -l ended ''
    for word in (commandline -opc)[2..-1]
        if test -n "$option"
            set option ''
        else if string match -q -- -- $word; and test -z "$ended"
            set ended 1
        else if string match -q -- '-?*' $word; and test -z "$ended"
            contains -- "$command $word" ${values.join(" ")}; and set option $word
        else if test $operands = 0; and contains -- (string trim -- "$command $word") ${
    paths.map(quoted).join(" ")
  }
            set command (string trim -- "$command $word")
        else
            set operands (math $operands + 1)
            contains -- "$command" ${runs.join(" ")}; and set ended 1
        end
    end
    test "$command" = "$argv[1]"; or return 1
    if test (count $argv) = 1
        test -z "$ended"
    else if string match -q -- '*+' $argv[2]
        test $operands -ge (string replace + '' -- $argv[2])
    else
        test $operands = $argv[2]
    end
end
complete -c paddock -f
${commands.flatMap(commandLines).join("\n")}
`;
}
