/**
 * The parts that the scripts for bash and zsh have in common: what is known of each command, as
 * `case` statements.
 *
 * @module
 */

import type { CompletedCommand, Tokens } from "./model.ts";

/** A word in single quotes, for any of the shells. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `case` arms, with the patterns that have one answer put together. */
function arms(answers: readonly (readonly [pattern: string, answer: string])[]): string {
  const byAnswer = new Map<string, string[]>();
  for (const [pattern, answer] of answers) {
    byAnswer.set(answer, [...byAnswer.get(answer) ?? [], quoted(pattern)]);
  }
  return [...byAnswer].map(([answer, patterns]) => `    ${patterns.join("|")}) ${answer} ;;`)
    .join("\n");
}

function say(tokens: Tokens): string {
  return `REPLY=${quoted(tokens.join(" "))}`;
}

/**
 * Functions that answer by `REPLY`: which command a word makes of another, what an option's value
 * can be (none: it takes none), what an operand can be, and which commands run another program.
 */
export function knowledge(commands: readonly CompletedCommand[]): string {
  const below = commands.filter(({ path }) => path !== "").map(({ path }) => path);
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      value === undefined ? [] : names.map((name) => [`${path} ${name}`, say(value)] as const)
    )
  );
  const operands = commands.flatMap(({ path, operands, subcommands }) => {
    if (subcommands.length > 0) return [];
    const last = operands.length - 1;
    return operands.map((tokens, index) =>
      [index === last ? `${path} *` : `${path} ${index}`, say(tokens)] as const
    );
  });
  const runs = commands.filter((command) => command.runs).map(({ path }) => quoted(path));
  // The places of the last operand are a pattern, so these are not quoted as a whole.
  const operandArms = operands.map(([pattern, answer]) =>
    `    ${quoted(pattern.replace(/\*$/, ""))}${pattern.endsWith("*") ? "*" : ""}) ${answer} ;;`
  );
  return `_paddock_command() {
  case "$1" in
    ${below.map(quoted).join("|")}) return 0 ;;
  esac
  return 1
}
_paddock_value() {
  REPLY=
  case "$1" in
${arms(values)}
  esac
}
_paddock_operand() {
  REPLY=
  case "$1" in
${operandArms.join("\n")}
  esac
}
_paddock_runs() {
  case "$1" in
    ${runs.length === 0 ? "''" : runs.join("|")}) return 0 ;;
  esac
  return 1
}`;
}

/** The walk over the words before the one that is completed, for bash and zsh. */
export const WALK = `  for word in "\${before[@]}"; do
    if [[ -n $option ]]; then
      option=
    elif [[ $word == -- && -z $ended ]]; then
      ended=1
    elif [[ $word == -?* && -z $ended ]]; then
      [[ $word == *=* ]] && continue
      _paddock_value "$command $word"
      [[ -n $REPLY ]] && option=$word
    elif (( operands == 0 )) && _paddock_command "\${command:+$command }$word"; then
      command="\${command:+$command }$word"
    else
      (( operands += 1 ))
      _paddock_runs "$command" && ended=1
    fi
  done`;
