/**
 * Runs a command with somebody who sees, and tells or writes down what was seen.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import type { SandboxStatus } from "../../run/child.ts";
import type { Sandbox } from "../../sandbox.ts";
import { complain } from "../failure.ts";
import type { RunRequest } from "../run_request.ts";
import { learnedText } from "./learn.ts";
import { observed } from "./observer.ts";
import { addCommand, addInterpreters } from "./programs.ts";
import { accessReport, gateRequests, reportText } from "./report.ts";

/** What is run instead, and what is to be done when it has ended. */
export interface Watched {
  /** The sandbox with its observer. */
  readonly box: Sandbox;
  /** Prints the report, writes the description. */
  finish(status: SandboxStatus): void;
}

/** Prepares it. */
export function watch(request: RunRequest, command: readonly string[]): Watched {
  const { report, learn, json, box: asked } = request;
  const { box, log } = observed(asked, report === true);
  const { spec } = asked;
  if (learn !== undefined && typeof spec.root === "object" && !("path" in spec.root)) {
    throw new SpecError("--learn", "learns of the host's files only; give a root that shows them");
  }
  return {
    box,
    finish(status) {
      addCommand(log, spec, command[0]!);
      addInterpreters(log);
      if (report) {
        const told = accessReport(log, status);
        complain(json ? JSON.stringify({ access: told }) : reportText(told));
      }
      if (learn === undefined) return;
      if (!status.success) {
        complain(`paddock: the command failed; "${learn}" has what it did until then`);
      }
      Deno.writeTextFileSync(learn, learnedText(log, spec, command, gateRequests(status).allowed));
      complain(`paddock: wrote "${learn}"; run it by \`paddock run -f ${learn}\``);
    },
  };
}
