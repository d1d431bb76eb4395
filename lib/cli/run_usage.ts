/**
 * What there is to tell of `paddock run` beside its options.
 *
 * @module
 */

import type { Usage } from "./command.ts";
import { EXIT_CODES } from "./general_help.ts";
import { RUN_OPTIONS } from "./run_options.ts";
import type { RunRequest } from "./run_request.ts";

/** For its help and its completions. */
export const RUN_USAGE: Usage<RunRequest> = {
  command: "run",
  operands: "[--] COMMAND [ARG...]",
  summary:
    `Runs a command in a new sandbox: a minimal read-only view of the host, its own /proc, /dev, /tmp
and /run, only loopback for a network, no capabilities. Loosen it by options.`,
  options: RUN_OPTIONS,
  examples: [
    { line: "paddock run -- python3 -c 'print(2 ** 64)'", does: "a program without a network" },
    {
      line: "paddock run -b .:/work:rw -w /work -- make test",
      does: "build here; nothing else of yours is there",
    },
    { line: "paddock run -t -- bash", does: "a shell to look around in" },
    {
      line: "paddock run --memory 256M --pids 64 --cpus 0.5 --timeout 30s -- ./job",
      does: "no more than this of the machine",
    },
    {
      line: "paddock run --allow-domain deno.land -- curl -sSf https://deno.land",
      does: "one name of the network and nothing else",
    },
    {
      line: "paddock run --network bridge -p 8080:80 -- httpd -f -p 80",
      does: "a server, as root, at 127.0.0.1:8080",
    },
    {
      line: "paddock run --explain -b .:/work:rw -- true",
      does: "what would be done, step by step",
    },
  ],
  notes:
    `The command starts at the first word that is no option. Signals that paddock gets are sent on to it.

${EXIT_CODES}`,
  completes: ["command", "file"],
};
