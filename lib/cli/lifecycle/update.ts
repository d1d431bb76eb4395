/**
 * `paddock update`.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { LimitsSpec } from "../../spec.ts";
import { attach } from "../../start.ts";
import { type CommonRequest, readArguments } from "../arguments.ts";
import type { CliContext, Usage } from "../command.ts";
import { decimalValue, numberValue } from "../values.ts";
import { withEach } from "./each.ts";

interface Request extends CommonRequest {
  limits: { -readonly [name in keyof LimitsSpec]?: LimitsSpec[name] };
}

/** What there is to tell of it. */
export const USAGE: Usage<Request> = {
  command: "update",
  operands: "NAME...",
  count: { least: 1, most: Infinity },
  summary: "Changes the limits of a detached sandbox while it runs.",
  options: [
    {
      name: "memory",
      value: "SIZE",
      group: "Limits",
      help: "all of its memory, e.g. 256M",
      apply: ({ limits }, value) => limits.memory = value,
    },
    {
      name: "cpus",
      value: "N",
      group: "Limits",
      help: "processors' time, e.g. 0.5 for half of one's",
      apply: ({ limits }, value) => limits.cpus = decimalValue(value),
    },
    {
      name: "cpu-weight",
      value: "N",
      group: "Limits",
      help: "the share when others want the processors too, from 1 to 10000",
      apply: ({ limits }, value) => limits.cpuWeight = numberValue(value),
    },
    {
      name: "pids",
      value: "N",
      group: "Limits",
      help: "the most processes and threads",
      apply: ({ limits }, value) => limits.pids = numberValue(value),
    },
  ],
  examples: [{ line: "paddock update --memory 512M --cpus 2 web", does: "give it more" }],
  notes: "Only what was limited at the start can be changed, for then there is a cgroup.",
  completes: ["sandbox"],
};

/** Changes them. */
export async function update(args: readonly string[], context: CliContext): Promise<number> {
  const request: Request = { help: false, debug: false, limits: {} };
  const names = readArguments(args, USAGE, request, context);
  if (names === undefined) return 0;
  if (Object.keys(request.limits).length === 0) {
    throw new SpecError("command line", "there is nothing to change; see `paddock update --help`");
  }
  return await withEach(names, async ({ record }) => {
    await using box = attach(record.id);
    box.update(request.limits);
    return 0;
  });
}
