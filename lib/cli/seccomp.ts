/**
 * `paddock seccomp`: shows what a profile lets through, compiles it, and says what a call would get.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SandboxSpec, SeccompArch } from "../spec.ts";
import { sandbox } from "../sandbox.ts";
import { describePolicy, disassemble } from "../seccomp/describe.ts";
import { describeValue } from "../seccomp/actions.ts";
import { ARCHITECTURES } from "../seccomp/check_policy.ts";
import { compileFilter, policyOf } from "../seccomp/compile_filter.ts";
import { BLOCKED } from "../seccomp/default_blocked.ts";
import { type FilterPlace, guardOf } from "../seccomp/filter.ts";
import { runFilter } from "../seccomp/interpreter.ts";
import { callNames, callNumber } from "../seccomp/outcomes.ts";
import { ARCH } from "../sys/arch.ts";
import { allOptions } from "./arguments.ts";
import type { CliContext, Usage } from "./command.ts";
import { writeAll } from "./failure.ts";
import { print } from "./help.ts";
import { usageHelp } from "./usage_help.ts";
import { nearest } from "../nearest.ts";
import { applyOptions, type Option, parseOptions } from "./options.ts";
import { PRIVILEGE_OPTIONS } from "./options/privileges.ts";
import type { RunRequest } from "./run_request.ts";
import { readProfile } from "./seccomp_profile.ts";

interface SeccompRequest extends RunRequest {
  arch: SeccompArch;
  guardSetuid: boolean;
}

const OPTIONS: readonly Option<SeccompRequest>[] = [
  ...PRIVILEGE_OPTIONS,
  {
    name: "arch",
    value: ARCHITECTURES.join("|"),
    group: "Place",
    help: "for which machine; default: this one",
    apply: (request, value) => {
      if (!ARCHITECTURES.includes(value as SeccompArch)) {
        throw new SpecError("value", `"${value}" is none of ${ARCHITECTURES.join(", ")}`);
      }
      request.arch = value as SeccompArch;
    },
  },
  {
    name: "guard-setuid",
    group: "Place",
    help: "as where root lets the command write to the host's files",
    apply: (request) => request.guardSetuid = true,
  },
];

const VERBS = ["show", "compile", "test"];

/** What there is to tell of it. */
export const SECCOMP_USAGE: Usage<SeccompRequest> = {
  command: "seccomp",
  operands: "show|compile|test [CALL [ARG...]]",
  summary:
    `Shows, compiles and tests filters of system calls. show prints what each call gets, and the
instructions; compile writes the bytes, for --seccomp FILE or bwrap --seccomp; test says what a call
with these arguments would get.`,
  options: OPTIONS,
  examples: [
    { line: "paddock seccomp show | less", does: "the default profile" },
    { line: "paddock seccomp test ioctl 0 0x5412", does: "whether a call is let through, and why" },
    { line: "paddock seccomp compile --cap sys_admin >filter.bpf", does: "a filter, for bwrap" },
  ],
  completes: [VERBS, "nothing"],
};

const ALL_OPTIONS = allOptions(SECCOMP_USAGE);

function show(spec: SandboxSpec, place: FilterPlace, program: Uint8Array): void {
  const policy = policyOf(spec, place);
  const lines: string[] = [];
  for (const arch of policy?.architectures ?? []) {
    lines.push(`On ${arch}:`, ...describePolicy(policy!, arch).map((line) => `  ${line}`));
  }
  lines.push(`The program of ${program.length / 8} instructions:`, ...disassemble(program));
  print(lines.join("\n"));
}

/** Why the default profile blocks a call. */
function reason({ seccomp }: SandboxSpec, name: string): string {
  const profile = seccomp?.profile;
  const ours = profile === "default" || (typeof profile === "object" && "extend" in profile);
  const group = ours ? BLOCKED.find(({ calls }) => calls.includes(name as never)) : undefined;
  return group === undefined ? "" : `: ${group.what}; ${group.why}`;
}

function test(
  spec: SandboxSpec,
  place: FilterPlace,
  program: Uint8Array,
  words: readonly string[],
): void {
  const [name = "", ...rest] = words;
  const number = /^\d+$/.test(name) ? Number(name) : callNumber(name, place.arch);
  if (number === undefined) {
    const near = nearest(name, callNames(place.arch));
    throw new SpecError(
      "CALL",
      `"${name}" is no system call of ${place.arch}${near ? `; did you mean "${near}"?` : ""}`,
    );
  }
  const args = rest.map((word) => {
    try {
      return BigInt(word);
    } catch {
      throw new SpecError("ARG", `"${word}" is not a number, such as 3 or 0x5412`);
    }
  });
  const call = { arch: place.arch, number, arguments: args };
  const guarded = guardOf(spec, place);
  const guard = guarded && describeValue(runFilter(guarded.program, call).value);
  const result = describeValue(runFilter(program, call).value);
  if (guard !== undefined && guard !== "allow" && !result.startsWith("kill")) {
    return print(`${guard}: the guard of set-uid files, which no profile takes off`);
  }
  print(result === "allow" ? result : `${result}${reason(spec, name)}`);
}

/** The command. */
export function seccomp(args: readonly string[], context: CliContext): Promise<number> {
  const [verb = "--help", ...words] = args;
  if (verb !== "--help" && verb !== "-h" && !VERBS.includes(verb)) {
    const near = nearest(verb, VERBS);
    throw new SpecError(
      verb,
      `there is no such subcommand; ${
        near === undefined
          ? "see `paddock seccomp --help`"
          : `did you mean \`paddock seccomp ${near}\`?`
      }`,
    );
  }
  const { given, rest } = parseOptions(words, ALL_OPTIONS, "seccomp");
  const request: SeccompRequest = {
    box: sandbox(),
    hooks: [],
    explain: false,
    json: false,
    debug: false,
    help: verb.startsWith("-"),
    arch: ARCH,
    guardSetuid: false,
  };
  applyOptions(given, request);
  context.debug = request.debug;
  if (request.help) print(usageHelp(SECCOMP_USAGE, ALL_OPTIONS));
  else look(verb, request, rest);
  return Promise.resolve(0);
}

function look(verb: string, request: SeccompRequest, rest: readonly string[]): void {
  const { profile, arch, guardSetuid } = request;
  const box = profile === undefined ? request.box : request.box.seccomp(readProfile(profile));
  const { spec } = box;
  const place = {
    arch,
    kernel: () => Deno.osRelease(),
    guardSetuid,
    hasHandler: true,
  };
  const filter = compileFilter(spec, place);
  if (filter === undefined) throw new SpecError("--seccomp", '"none" is no filter to look at');
  if (verb === "show") show(spec, place, filter.program);
  else if (verb === "compile") writeAll(Deno.stdout, filter.program);
  else test(spec, place, filter.program, rest);
}
