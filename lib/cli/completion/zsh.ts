/**
 * The completions for zsh: a function for its `compdef`, with what each word does.
 *
 * @module
 */

import type { CompletedCommand } from "./model.ts";
import { knowledge, quoted, WALK } from "./shell_words.ts";

/** `name:description` as `_describe` takes it. */
function described(name: string, text: string): string {
  return quoted(`${name.replaceAll(":", "\\:")}:${text}`);
}

function lists(
  name: string,
  commands: readonly CompletedCommand[],
  words: (command: CompletedCommand) => readonly string[],
): string {
  const arms = commands.map((command) =>
    `    ${quoted(command.path)}) reply=(${words(command).join(" ")}) ;;`
  );
  return `${name}() {\n  reply=()\n  case "$1" in\n${arms.join("\n")}\n  esac\n}`;
}

/** The script. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const options = lists(
    "_paddock_options",
    commands,
    ({ options }) =>
      options.flatMap(({ names, help, attached = [] }) =>
        [...names, ...attached].map((name) => described(name, help))
      ),
  );
  const words = lists(
    "_paddock_words",
    commands,
    ({ subcommands }) => subcommands.map(({ name, summary }) => described(name, summary)),
  );
  return `#compdef paddock
# Completions of paddock for zsh: eval "$(paddock completions zsh)", or this in a file _paddock of $fpath
${knowledge(commands)}
${options}
${words}
_paddock_propose() {
  local token
  local -a plain
  for token in \${=1}; do
    case $token in
      @file) _files ;;
      @directory) _files -/ ;;
      @command) _command_names -e ;;
      @image) compadd -- \${(f)"$(paddock image ls --quiet 2>/dev/null)"} ;;
      @sandbox) compadd -- \${(f)"$(paddock ps --quiet 2>/dev/null)"} ;;
      @*) ;;
      *) plain+=("$token") ;;
    esac
  done
  (( \${#plain} )) && compadd -- $plain
}
_paddock() {
  local word option= ended= command= REPLY
  local -i operands=0
  local -a before reply
  before=("\${(@)words[2,CURRENT-1]}")
${WALK}
  if [[ -n $option ]]; then
    _paddock_value "$command $option"
    _paddock_propose "$REPLY"
  elif [[ $PREFIX == --*=* && -z $ended ]]; then
    _paddock_value "$command \${PREFIX%%=*}"
    compset -P '*='
    _paddock_propose "$REPLY"
  elif [[ $PREFIX == -* && -z $ended ]]; then
    _paddock_options "$command"
    _describe -o option reply
  elif (( operands > 0 )) && _paddock_runs "$command"; then
    # The rest is another program's line.
    shift "$(( CURRENT - 1 - operands ))" words
    (( CURRENT = operands + 1 ))
    _normal
  else
    _paddock_words "$command"
    if (( \${#reply} )); then
      _describe command reply
    else
      _paddock_operand "$command $operands"
      _paddock_propose "$REPLY"
    fi
  fi
}
# In a file of $fpath this is the function's body; by eval it is to be registered.
if [[ \${funcstack[1]-} == _paddock ]]; then
  _paddock "$@"
elif (( \${+functions[compdef]} )); then
  compdef _paddock paddock
fi
`;
}
