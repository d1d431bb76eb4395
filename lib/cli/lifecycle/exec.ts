/**
 * `paddock exec`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { ExecOptions } from "../../run/joining/exec.ts";
import type { SandboxProcess } from "../../run/child.ts";
import { attach } from "../../start.ts";
import { allOptions, type CommonRequest } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { execute } from "../execute.ts";
import { EXIT } from "../failure.ts";
import { print } from "../help.ts";
import { applyOptions, parseOptions } from "../options.ts";
import { usageHelp } from "../usage_help.ts";

interface Request extends CommonRequest {
  tty: boolean;
  env: Record<string, string>;
  cwd: string | undefined;
  user: ExecOptions["user"];
  timeout: string | undefined;
}

function userValue(value: string): ExecOptions["user"] {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(value) ?? [];
  if (uid === undefined) {
    throw new SpecError("value", `"${value}" is no UID or UID:GID; names of inside are not asked`);
  }
  return gid === undefined ? Number(uid) : { uid: Number(uid), gid: Number(gid) };
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "exec",
  operands: "NAME [--] COMMAND [ARG...]",
  count: { least: 2, most: Infinity },
  summary:
    "Runs a further command in a detached sandbox, with all that confines the first one: namespaces, limits, filter, user, environment.",
  options: [
    {
      name: "tty",
      short: "t",
      group: "Exec",
      help: "give it a terminal of its own, connected with this one",
      apply: (request) => request.tty = true,
    },
    {
      name: "env",
      short: "e",
      value: "NAME[=VALUE]",
      group: "Exec",
      help: "set a variable, or pass on this program's",
      apply: (request, value) => {
        const at = value.indexOf("=");
        const name = at === -1 ? value : value.slice(0, at);
        const own = at === -1 ? Deno.env.get(name) : value.slice(at + 1);
        if (own !== undefined) request.env[name] = own;
      },
    },
    {
      name: "cwd",
      short: "w",
      value: "DIR",
      group: "Exec",
      help: "the directory inside; default: the sandbox's",
      apply: (request, value) => request.cwd = value,
    },
    {
      name: "user",
      short: "u",
      value: "UID[:GID]",
      group: "Exec",
      help: "who it is, by numbers inside; default: the sandbox's user",
      apply: (request, value) => request.user = userValue(value),
    },
    {
      name: "timeout",
      value: "TIME",
      group: "Exec",
      help: "kill it after this time, e.g. 30s",
      apply: (request, value) => request.timeout = value,
    },
  ],
  examples: [
    { line: "paddock exec web -- ps ax", does: "see what runs in it" },
    { line: "paddock exec -t web sh", does: "look around" },
  ],
  notes:
    `The exit code is the command's; 124 where the time limit ended it, 125 where it could not be entered, 126 and
127 where the command cannot be executed or is not there. What it leaves in the background runs until
the sandbox ends.`,
  completes: ["sandbox", "nothing"],
};

/** Runs it. */
export async function exec(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = {
    help: false,
    debug: false,
    tty: false,
    env: {},
    cwd: undefined,
    user: undefined,
    timeout: undefined,
  };
  const table = allOptions(USAGE);
  // What comes behind the name is the command's.
  const { given, rest } = parseOptions(args, table, "exec");
  applyOptions(given, request);
  context.debug = request.debug;
  if (request.help) {
    print(usageHelp(USAGE, table));
    return 0;
  }
  const [name, ...words] = rest[0] === "--" ? rest.slice(1) : rest;
  const command = words[0] === "--" ? words.slice(1) : words;
  if (name === undefined || command.length === 0) {
    throw new SpecError("command line", `write \`paddock exec [options] ${USAGE.operands}\``);
  }
  await using box = attach(name);
  const { tty, env, cwd, user, timeout } = request;
  const size = tty ? (await import("../terminal.ts")).ownSize() : undefined;
  let timedOut = false;
  const { status } = await execute({
    spec: { ...box.spec, tty, newSession: box.spec.newSession },
    // All that is asked of it is what both kinds of processes have.
    spawn: async (argv, { signal } = {}) => {
      const child = await box.exec(argv!, {
        env,
        cwd,
        user,
        timeout,
        signal,
        tty: tty && (size ?? true),
      });
      child.status.then((end) => timedOut = end.timedOut, () => {});
      return child as unknown as SandboxProcess;
    },
  }, command);
  return timedOut ? EXIT.timedOut : status.code;
}
