/**
 * `paddock pod`: runs sandboxes that share namespaces.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { loadHooks } from "../run/hook_module.ts";
import { type CommonRequest, readArguments } from "./arguments.ts";
import type { CliContext, Usage } from "./command.ts";
import { complain } from "./failure.ts";

interface Request extends CommonRequest {
  file: string | undefined;
  json: boolean;
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "pod",
  operands: "",
  count: { least: 0, most: 0 },
  summary:
    `Runs sandboxes that share a network, a host name and IPC, until all of them have ended. Each line
that one writes comes with its name in front.`,
  options: [
    {
      name: "file",
      short: "f",
      value: "FILE",
      group: "Pod",
      help: "describes the pod and its members, in YAML or JSON",
      apply: (request, value) => request.file = value,
    },
    {
      name: "json",
      group: "Pod",
      help: "print how the members ended as a line of JSON on standard error",
      apply: (request) => request.json = true,
    },
  ],
  examples: [{ line: "paddock pod -f pod.yaml", does: "see docs/pods.md for what is in it" }],
  notes:
    `Exit codes: 0 if every member ended with 0, else that of the first that did not: its command's own;
128+N for signal N; 124 timed out; 125 paddock failed; 126 not executable; 127 not found.
SIGHUP, SIGINT and SIGTERM are sent on to all members; ten seconds later, or with the second
signal, they are killed.`,
  completes: ["nothing"],
};

/** Runs them. */
export async function podCommand(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, file: undefined, json: false };
  if (readArguments(args, USAGE, request, context) === undefined) return 0;
  const { file, json } = request;
  if (file === undefined) {
    throw new SpecError("command line", "write `paddock pod -f FILE`");
  }
  const [{ readPodFile }, { runPod }] = await Promise.all([
    import("./pod/file.ts"),
    import("./pod/run.ts"),
  ]);
  const { options, members } = readPodFile(file);
  const hooked = [];
  for (const member of members) {
    let { box } = member;
    for (const plugin of await loadHooks(member.hooks)) box = box.use(plugin);
    hooked.push({ ...member, box });
  }
  const ends = await runPod({ options, members: hooked });
  if (json) {
    complain(JSON.stringify({
      version: 1,
      members: ends.map(({ name, code, starts, status }) => ({
        name,
        code,
        starts,
        signal: status?.signal ?? null,
        usage: status?.usage ?? null,
      })),
    }));
  }
  return ends.find(({ code }) => code !== 0)?.code ?? 0;
}
