/**
 * `paddock run` with options: the builder makes of them what is run.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SandboxSpec } from "../spec.ts";
import type { CliContext } from "./command.ts";
import { checkNamespaceChoices } from "./namespace_choices.ts";
import { applyOptions, type Given, parseOptions } from "./options.ts";
import { RUN_OPTIONS } from "./run_options.ts";
import type { RunRequest } from "./run_request.ts";
import { overlaidRoot } from "./values.ts";

/** Does what the options say, and resolves to paddock's exit code. */
export async function runWithOptions(
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  const { given, rest } = parseOptions(args, RUN_OPTIONS, "run");
  const has = (name: string) => given.find(({ option }) => option.name === name);
  if (has("help")) {
    const [{ print }, { usageHelp }, { RUN_USAGE }] = await Promise.all([
      import("./help.ts"),
      import("./usage_help.ts"),
      import("./run_usage.ts"),
    ]);
    print(usageHelp(RUN_USAGE, RUN_OPTIONS));
    return 0;
  }
  context.debug = has("debug") !== undefined;
  context.json = has("json") !== undefined;
  checkNamespaceChoices(given);
  const { sandbox } = await import("../sandbox.ts");
  const request: RunRequest = {
    box: sandbox(),
    hooks: [],
    explain: false,
    json: false,
    debug: false,
    help: false,
  };
  try {
    return await runRequest(request, given, rest);
  } catch (error) {
    // Loaded here, for the way to the command's start is to be short.
    const { inOptions } = await import("./option_words.ts");
    const names = given.map(({ option: { name } }) => name);
    const { mounts } = request.box.spec;
    const words = { given: names, file: has("file")?.value, mounts };
    context.words = (failed) => inOptions(failed, words);
    throw error;
  }
}

/** The same with a request that nothing has been asked of yet. */
async function runRequest(
  request: RunRequest,
  given: readonly Given<RunRequest>[],
  rest: readonly string[],
): Promise<number> {
  const files = given.filter(({ option }) => option.name === "file").map(({ value }) => value);
  if (files.length === 0) return await runBox(request, given, rest);
  const { readSpecFiles } = await import("./spec_file.ts");
  const { box, hooks, place } = readSpecFiles(files);
  request.box = box;
  request.hooks.push(...hooks);
  try {
    return await runBox(request, given, rest);
  } catch (error) {
    throw place(error, given.map(({ option }) => option.name));
  }
}

/** The same once the files are read: the options come on top of them. */
async function runBox(
  request: RunRequest,
  given: readonly Given<RunRequest>[],
  rest: readonly string[],
): Promise<number> {
  for (const { value } of given.filter(({ option }) => option.name === "preset")) {
    const { presetOf } = await import("./preset.ts");
    request.box = request.box.with(presetOf(value));
  }
  applyOptions(given, request);
  if (request.profile !== undefined) {
    const { readProfile } = await import("./seccomp_profile.ts");
    const { log } = request.box.spec.seccomp ?? {};
    request.box = request.box.seccomp(readProfile(request.profile), { log });
  }
  const plugins = request.hooks.length === 0
    ? []
    : await (await import("../run/hook_module.ts")).loadHooks(request.hooks);
  for (const plugin of plugins) request.box = request.box.use(plugin);
  if (request.overlayRoot) request.box = request.box.root(overlaidRoot(request.box.spec.root));
  const { spec } = request.box;
  const { saveDiff, applyChanges, commit } = request;
  const afterwards = saveDiff !== undefined || applyChanges || commit !== undefined
    ? (await import("./keep_changes.ts")).keepChanges(request)
    : undefined;
  const command = rest.length > 0 ? rest : spec.command ?? await imageCommand(spec);
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
    await explain(request, command, plugins);
    return 0;
  }
  if (request.detach && request.trace) {
    throw new SpecError("--trace", "is for a command in the foreground; leave out --detach");
  }
  if (request.detach) {
    const { runDetached } = await import("./run_detached.ts");
    return await runDetached(request, command);
  }
  if (request.name !== undefined || request.logs !== undefined) {
    (await import("./run_detached.ts")).checkForeground(request);
  }
  if (request.box.spec.tty) {
    const { ownSize } = await import("./terminal.ts");
    request.box = request.box.tty(ownSize() ?? true);
  }
  const [{ execute }, { finish }] = await Promise.all([
    import("./execute.ts"),
    import("./finish.ts"),
  ]);
  const watched = request.report || request.learn !== undefined
    ? (await import("./access/watch.ts")).watch(request, command.map(String))
    : undefined;
  const trace = request.trace ? new (await import("./trace.ts")).Trace() : undefined;
  const box = watched?.box ?? request.box;
  const ended = await execute(box, command, afterwards, trace?.onTrace)
    // Also up to where it failed; the error comes below.
    .finally(() => trace?.print());
  watched?.finish(ended.status);
  return await finish(ended, request.json, spec);
}

/** What an image runs of itself, if the root is one. */
async function imageCommand(spec: SandboxSpec): Promise<string[] | undefined> {
  if (typeof spec.root !== "object" || !("image" in spec.root)) return undefined;
  return (await import("../run/image_root.ts")).imageCommand(spec);
}
