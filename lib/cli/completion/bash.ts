/**
 * The completions for bash. They need nothing beside bash: what the package bash-completion has is
 * used where it is there.
 *
 * @module
 */

import type { CompletedCommand } from "./model.ts";
import { knowledge, quoted, WALK } from "./shell_words.ts";

/** A list of words by command. */
function lists(
  name: string,
  commands: readonly CompletedCommand[],
  words: (command: CompletedCommand) => readonly string[],
): string {
  const arms = commands.map((command) =>
    `    ${quoted(command.path)}) REPLY=${quoted(words(command).join(" "))} ;;`
  );
  return `${name}() {\n  REPLY=\n  case "$1" in\n${arms.join("\n")}\n  esac\n}`;
}

/** The script. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  return `# Completions of paddock for bash: eval "$(paddock completions bash)"
${knowledge(commands)}
${
    lists("_paddock_options", commands, ({ options }) =>
      options.flatMap(({ names, attached = [] }) => [names[0]!, ...attached]))
  }
${lists("_paddock_words", commands, ({ subcommands }) => subcommands.map(({ name }) => name))}
_paddock_add() {
  local reply
  while IFS= read -r reply; do COMPREPLY+=("$reply"); done
}
_paddock_propose() {
  local token
  for token in $1; do
    case $token in
      @file) compopt -o filenames 2>/dev/null; _paddock_add < <(compgen -f -- "$cur") ;;
      @directory) compopt -o filenames 2>/dev/null; _paddock_add < <(compgen -d -- "$cur") ;;
      @command) _paddock_add < <(compgen -c -- "$cur" | sort -u) ;;
      @image) _paddock_add < <(compgen -W "$(paddock image ls --quiet 2>/dev/null)" -- "$cur") ;;
      @sandbox) _paddock_add < <(compgen -W "$(paddock ps --quiet 2>/dev/null)" -- "$cur") ;;
      @*) ;;
      *) _paddock_add < <(compgen -W "$token" -- "$cur") ;;
    esac
  done
}
_paddock() {
  # From the line, for bash takes words apart at = and :.
  local line=\${COMP_LINE:0:COMP_POINT} before cur word option= ended= command= REPLY
  local -i operands=0
  # shellcheck disable=SC2162 # a backslash is to keep a space in its word
  read -a before <<<"$line"
  [[ $line == *[[:space:]] ]] && before+=("")
  cur=\${before[\${#before[@]}-1]}
  before=("\${before[@]:1:\${#before[@]}-2}")
  COMPREPLY=()
${WALK}
  if [[ -n $option ]]; then
    _paddock_value "$command $option"
    _paddock_propose "$REPLY"
  elif [[ $cur == --*=* && -z $ended ]]; then
    _paddock_value "$command \${cur%%=*}"
    cur=\${cur#*=}
    _paddock_propose "$REPLY"
  elif [[ $cur == -* && -z $ended ]]; then
    _paddock_options "$command"
    _paddock_propose "$REPLY"
  elif (( operands > 0 )) && _paddock_runs "$command"; then
    if declare -F _command_offset >/dev/null; then
      local -i at=\${#COMP_WORDS[@]}-1
      while (( at > 1 )) && [[ \${COMP_WORDS[at - 1]} != "\${before[\${#before[@]} - operands]}" ]]; do
        at=at-1
      done
      _command_offset $((at - 1))
    else
      _paddock_propose @file
    fi
    return
  else
    _paddock_words "$command"
    if [[ -n $REPLY ]]; then
      _paddock_propose "$REPLY"
    else
      _paddock_operand "$command $operands"
      _paddock_propose "$REPLY"
    fi
  fi
  # After these there is more to come.
  [[ \${COMPREPLY[0]-} == *[=:] ]] && compopt -o nospace 2>/dev/null
  # What bash replaces begins after the last colon.
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
  fi
}
complete -F _paddock paddock
`;
}
