/**
 * `paddock ns pin`.
 *
 * @module
 */

import { SandboxError, SpecError } from "../../errors.ts";
import { pinNamespaces, type PinPlaces } from "../../namespaces/pin.ts";
import type { NamespaceKind } from "../../spec.ts";
import { conditionOf } from "../../state/condition.ts";
import { find } from "../../state/find.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { print } from "../help.ts";

interface Request extends CommonRequest {
  pid: number | undefined;
  isNew: boolean;
  hostname: string | undefined;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "ns pin",
  operands: "NAME KIND=PATH...\n--pid PID KIND=PATH...\n--new KIND=PATH...",
  count: { least: 1, most: Infinity },
  summary:
    `Binds namespaces of a detached sandbox, of a process, or new ones, on files. They stay without
anybody inside, until \`paddock ns unpin\`, and can be joined by \`paddock run --join KIND=PATH\`, by
nsenter(1), and by \`ip netns exec NAME\` where a network's path is /run/netns/NAME. Needs root.`,
  options: [
    {
      name: "new",
      group: "Whose",
      help: "new ones, of the kinds cgroup, ipc, mount, net and uts",
      apply: (request) => request.isNew = true,
    },
    {
      name: "pid",
      value: "PID",
      group: "Whose",
      help: "those of a process",
      apply: (request, value) => {
        if (!/^[1-9]\d*$/.test(value)) throw new SpecError("pid", `"${value}" is no process id`);
        request.pid = Number(value);
      },
    },
    {
      name: "hostname",
      value: "NAME",
      group: "Whose",
      help: "the host name of a new uts namespace",
      apply: (request, value) => request.hostname = value,
    },
  ],
  examples: [
    {
      line: "paddock ns pin --new net=/run/netns/blue",
      does: "a network for `ip netns exec blue`",
    },
    { line: "paddock ns pin web net=/run/netns/web", does: 'that of the sandbox "web"' },
  ],
  completes: ["sandbox", "nothing"],
};

const ALIASES: Readonly<Record<string, NamespaceKind>> = { mnt: "mount", network: "net" };

function placesOf(words: readonly string[]): PinPlaces {
  const places: { [kind: string]: string } = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at <= 0) throw new SpecError(word, "write KIND=PATH, such as net=/run/netns/blue");
    const kind = ALIASES[word.slice(0, at)] ?? word.slice(0, at);
    if (places[kind] !== undefined) throw new SpecError(word, `${kind} was given already`);
    places[kind] = word.slice(at + 1);
  }
  return places;
}

/** The process of a sandbox that runs, or an error. */
function commandOf(name: string): number {
  const { record } = find(name);
  const condition = conditionOf(record);
  if (condition !== "running") {
    throw new SandboxError(`the sandbox "${name}" does not run: it is ${condition}`);
  }
  return record.processes!.command.pid;
}

/** Pins them, and prints where. */
export async function pinCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = {
    help: false,
    debug: false,
    pid: undefined,
    isNew: false,
    hostname: undefined,
  };
  const operands = readArguments(args, USAGE, request, context);
  if (operands === undefined) return 0;
  const { pid, isNew, hostname } = request;
  const name = operands[0]!.includes("=") ? undefined : operands.shift();
  if ([pid !== undefined, isNew, name !== undefined].filter(Boolean).length !== 1) {
    throw new SpecError("command line", "give one of --new, --pid PID, and a sandbox's name");
  }
  if (hostname !== undefined && !isNew) {
    throw new SpecError("--hostname", "it is for --new; others have theirs");
  }
  const places = placesOf(operands);
  const pinned = await pinNamespaces(
    places,
    isNew ? { hostname } : { pid: pid ?? commandOf(name!) },
  );
  for (const { type, id, path } of pinned) print(`${type} ${id} ${path}`);
  return 0;
}
