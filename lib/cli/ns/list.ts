/**
 * `paddock ns` itself: the namespaces of the machine.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { namespaceDot } from "../../namespaces/dot.ts";
import { namespaces } from "../../namespaces/namespaces.ts";
import { hiddenText, namespaceTree } from "../../namespaces/tree.ts";
import { conditionOf } from "../../state/condition.ts";
import { StateDirectory } from "../../state/directory.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { complain } from "../failure.ts";
import { print } from "../help.ts";
import type { Option } from "../options.ts";

type Form = "tree" | "json" | "dot" | "svg";

interface Request extends CommonRequest {
  form: Form | undefined;
  processes: boolean;
}

function form(name: Exclude<Form, "tree">, help: string): Option<Request> {
  return {
    name,
    group: "Form",
    help,
    apply: (request) => {
      if (request.form !== undefined && request.form !== name) {
        throw new SpecError("form", `--${request.form} was given already; give one of them`);
      }
      request.form = name;
    },
  };
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "ns",
  operands: "",
  summary:
    `Shows the machine's namespaces: whose each is, what it is within, who is inside, what else keeps
it, and which sandbox it is of. An ordinary user sees those of the own processes.`,
  options: [
    form("json", "print all that is known as JSON, as namespaces() of the library gives it"),
    form("dot", "print a graph in the language of Graphviz"),
    form("svg", "print that graph drawn, by `dot` if installed, else by a package of npm's"),
    {
      name: "processes",
      group: "Form",
      help: "in the tree, show every process and not only the first",
      apply: (request) => request.processes = true,
    },
  ],
  examples: [
    { line: "paddock ns", does: "a tree, each below the user namespace that owns it" },
    { line: "paddock ns --json", does: "all that is known, for a program" },
    { line: "paddock ns --svg", does: "a drawing of who is within whom" },
  ],
  notes:
    "`paddock ns pin` binds namespaces on files, where they stay; `paddock ns unpin` undoes it.",
  completes: ["nothing"],
};

/** The names of the detached sandboxes that run, by their first processes. */
function sandboxNames(): Map<number, string> {
  const names = new Map<number, string>();
  for (const { record } of StateDirectory.open()?.entries() ?? []) {
    if (record?.processes === undefined || conditionOf(record) !== "running") continue;
    names.set(record.processes.first.pid, record.name ?? record.id);
  }
  return names;
}

/** Shows them. */
export async function listCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { form: undefined, processes: false, debug: false, help: false };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  if (operands.length > 0) {
    throw new SpecError(
      operands[0]!,
      "`paddock ns` has no such subcommand; see `paddock ns --help`",
    );
  }
  const names = sandboxNames();
  const snapshot = namespaces({ nameOf: (pid) => names.get(pid) });
  switch (request.form) {
    case "json":
      print(JSON.stringify(snapshot, null, 2));
      return 0;
    case "dot":
      print(namespaceDot(snapshot));
      break;
    case "svg":
      print(await (await import("./svg.ts")).drawn(namespaceDot(snapshot)));
      break;
    default:
      print(namespaceTree(snapshot, { processes: request.processes }));
  }
  const hidden = hiddenText(snapshot);
  if (hidden !== undefined) complain(`paddock: ${hidden}`);
  return 0;
}
