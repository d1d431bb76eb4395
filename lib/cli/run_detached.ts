/**
 * `paddock run -d`: starts a sandbox that outlives paddock.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { moduleUrl } from "../run/hook_module.ts";
import type { Command } from "../run/run.ts";
import { startDetached } from "../run/detached/start.ts";
import { descriptionOf } from "../sandbox.ts";
import { print } from "./help.ts";
import type { RunRequest } from "./run_request.ts";

/** What only a detached sandbox has. */
const DETACHED_ONLY = ["name", "logs"] as const;

/** Refuses what would go unnoticed in the foreground. */
export function checkForeground(request: RunRequest): void {
  const wrong = DETACHED_ONLY.find((field) => request[field] !== undefined);
  if (wrong === undefined) return;
  throw new SpecError(
    wrong === "name" ? "--name" : "--log-size or --log-files",
    "is for a sandbox that outlives paddock; add --detach",
  );
}

/** Starts it and prints its id. */
export async function runDetached(
  request: RunRequest,
  command: Command,
): Promise<number> {
  const { spec, plugins, handler } = descriptionOf(request.box);
  const { id, name } = await startDetached(spec, plugins, command, {
    handler,
    name: request.name,
    logs: request.logs,
    hooks: request.hooks.map(moduleUrl),
  });
  print(request.json ? JSON.stringify({ id, name: name ?? null }) : id);
  return 0;
}
