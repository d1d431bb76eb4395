/**
 * `paddock run`: runs a command in a new sandbox.
 *
 * @module
 */

import type { SandboxStatus } from "../run/child.ts";
import { SpecError } from "../errors.ts";
import type { CliContext } from "./command.ts";
import { applyOptions, parseOptions } from "./options.ts";
import { hasChanges, overlaidRoot } from "./values.ts";
import { imageCommand } from "../run/image_root.ts";
import { RUN_OPTIONS } from "./run_options.ts";
import type { RunRequest } from "./run_request.ts";

/** Runs the command, and resolves to paddock's exit code. */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  const { given, rest } = parseOptions(args, RUN_OPTIONS, "run");
  const has = (name: string) => given.find(({ option }) => option.name === name);
  if (has("help")) {
    const { print, runHelp } = await import("./help.ts");
    print(runHelp(RUN_OPTIONS));
    return 0;
  }
  context.debug = has("debug") !== undefined;
  const { sandbox } = await import("../sandbox.ts");
  const request: RunRequest = {
    box: sandbox(),
    hooks: [],
    explain: false,
    json: false,
    debug: false,
    help: false,
  };
  const file = has("file");
  if (file !== undefined) {
    const { readSpecFile } = await import("./spec_file.ts");
    const { box, hooks } = readSpecFile(file.value);
    request.box = box;
    request.hooks.push(...hooks);
  }
  for (const { value } of given.filter(({ option }) => option.name === "preset")) {
    const { presetOf } = await import("./preset.ts");
    request.box = request.box.with(presetOf(value));
  }
  applyOptions(given, request);
  if (request.profile !== undefined) {
    const { readProfile } = await import("./seccomp_profile.ts");
    request.box = request.box.seccomp(readProfile(request.profile), request.box.spec.seccomp);
  }
  const plugins = request.hooks.length === 0
    ? []
    : await (await import("./hook_module.ts")).loadHooks(request.hooks);
  for (const plugin of plugins) request.box = request.box.use(plugin);
  if (request.overlayRoot) request.box = request.box.root(overlaidRoot(request.box.spec.root));
  const { saveDiff, box: { spec } } = request;
  if (saveDiff !== undefined && !hasChanges(spec.root)) {
    throw new SpecError("--save-diff", "there are no changes to save; see --overlay-root");
  }
  const command = rest.length > 0 ? rest : spec.command ?? imageCommand(spec);
  if (command === undefined || command.length === 0) {
    throw new SpecError(
      "command line",
      "there is nothing to run; write `paddock run [options] COMMAND [ARG...]`",
    );
  }
  if (request.explain) {
    const { explain } = await import("./explain.ts");
    const { prepareFilter } = await import("../run/filters.ts");
    await prepareFilter(request.box.spec);
    explain(request.box, command, request.json, plugins);
    return 0;
  }
  const { execute } = await import("./execute.ts");
  return finish(await execute(request.box, command, saveDiff), request.json);
}

/** Tells what there is to tell of the end, and makes the exit code of it. */
async function finish(status: SandboxStatus, json: boolean): Promise<number> {
  const filtered = status.filteredSyscalls ?? [];
  if (json || status.hookErrors.length > 0 || filtered.length > 0) {
    const { complain, oneLine } = await import("./failure.ts");
    const hookErrors = status.hookErrors.map(oneLine);
    for (const text of hookErrors) complain(`paddock: ${text}`);
    if (filtered.length > 0 && !json) {
      const words = filtered.map(({ name, result, count }) => `${name} ${result} (${count})`);
      complain(`paddock: filtered system calls: ${words.join(", ")}`);
    }
    // Last, so that a reader finds it behind whatever the command wrote to the same descriptor.
    if (json) complain(JSON.stringify({ ...status, hookErrors }));
  }
  return status.timedOut ? 124 : status.code;
}
