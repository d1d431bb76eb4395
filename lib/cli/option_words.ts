/**
 * The library speaks of `bind()` and `{ optional: true }`; whoever typed options reads of `--bind`
 * and `--bind-try`. Loaded only when something failed.
 *
 * @module
 */

import { HookError, SandboxError, SpecError, StepError, UnsupportedError } from "../errors.ts";
import type { MountSpec } from "../spec.ts";
import { textOf } from "./failure.ts";

/** What the command line was, as far as an error's words depend on it. */
export interface CommandLineWords {
  /** The names of the options that were given. */
  readonly given: readonly string[];
  /** Where a description was read from, if one was. */
  readonly file?: string;
  /** The mounts, as the error numbers them. */
  readonly mounts: readonly MountSpec[];
}

/** Whole phrases first: what a word stands for can depend on what is around it. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/give an existing path, or \{ optional: true \}/g, "give an existing path, or use --bind-try"],
  [/leave it out, or say \{ optional: true \}/g, "leave it out"],
  [/; or give it \{ optional: true \}/g, "; leave the rule out, or make the path first"],
  [/or give \{ optional: true \}/g, "or give --landlock-optional"],
  [/or give the root \{ ephemeral: true \}/g, "or use --overlay-root"],
  [/without limits\(\)/g, "without a limit such as --memory"],
  [/limits\(\)/g, "a limit such as --memory"],
  [/add dev\(\)/g, "add --dev /dev"],
  [/limits\.parent/g, "--cgroup-parent"],
  [/leave recursive as it is/g, "leave norecursive out"],
];

/** The builder's methods whose options have another name. */
const METHODS: Readonly<Record<string, string>> = {
  capabilities: "cap",
  file: "write",
  idMap: "id-map",
  newSession: "new-session",
  asPid1: "as-pid-1",
  timeOffset: "time-offset",
  cpuAffinity: "cpu-affinity",
  ioPriority: "io-priority",
  oomScoreAdj: "oom-score-adj",
  clearEnv: "clear-env",
};

/** Those whose options have their name. */
const SAME = [
  ...[
    "bind",
    "cwd",
    "dev",
    "dir",
    "env",
    "hostname",
    "landlock",
    "mask",
    "mount",
    "network",
    "nice",
  ],
  ...["overlay", "proc", "publish", "readonly", "rlimit", "root", "seccomp", "share", "symlink"],
  ...["timeout", "tmpfs", "tty", "umask", "unshare", "user", "cgroupfs", "devpts", "domainname"],
  ...["join", "mqueue", "personality", "scheduler", "sysfs"],
];

/** A text of the library's, with options for the builder's methods. */
export function optionText(text: string): string {
  const phrases = PHRASES.reduce((all, [from, to]) => all.replace(from, to), text);
  return phrases.replace(
    /(?<![\w.])([a-z][a-zA-Z1]*)\((?:"([^"]*)")?\)/g,
    (whole, method: string, value: string | undefined) => {
      const name = METHODS[method] ?? (SAME.includes(method) ? method : undefined);
      if (name === undefined) return whole;
      return `--${name}${value === undefined ? "" : ` ${value}`}`;
    },
  );
}

/** Fields whose options are not simply their names. */
const FIELDS: Readonly<Record<string, string>> = {
  capabilities: "cap",
  rlimits: "rlimit",
  namespaces: "unshare",
  timeOffsets: "time-offset",
  "limits.parent": "cgroup-parent",
  "landlock.paths": "landlock-path",
  "landlock.tcp": "landlock-tcp",
  "landlock.scopes": "landlock-scope",
  "network.publish": "publish",
  "network.allowDomains": "allow-domain",
  "network.denyDomains": "deny-domain",
  "network.allowAddresses": "allow-address",
  "network.denyAddresses": "deny-address",
};

const KINDS: Readonly<Partial<Record<MountSpec["kind"], string>>> = {
  file: "write",
  filesystem: "mount",
};

function kebab(name: string): string {
  return name.replace(/[A-Z1]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The option that a field of the description is set by, without dashes. */
export function optionOf(field: string): string {
  const [first = "", second = ""] = field.replace(/\[\d+\]/g, "").split(".");
  const both = FIELDS[`${first}.${second}`];
  if (both !== undefined) return both;
  if (first === "limits" && second !== "") return kebab(second);
  return FIELDS[first] ?? kebab(first);
}

/** The options that make a cgroup. */
const LIMITS = [
  ...["memory", "memory-high", "swap", "oom-group", "cpus", "cpu-weight", "pids", "cpuset"],
  ...["memory-nodes", "io", "io-weight", "hugetlb", "cgroup-parent"],
];

/** How a field is called where it was written. */
function placeOf(field: string, words: CommandLineWords): string {
  const inFile = (name: string) => words.file !== undefined && !words.given.includes(name);
  const index = /^mounts\[(\d+)\]/.exec(field)?.[1];
  const mount = index === undefined ? undefined : words.mounts[Number(index)];
  if (mount !== undefined) {
    const name = KINDS[mount.kind] ?? mount.kind;
    const on = `on "${mount.target}"`;
    return inFile(name) ? `${words.file}: ${mount.kind} ${on}` : `--${name} ${on}`;
  }
  const name = optionOf(field);
  return inFile(name) ? `${words.file}: ${field}` : `--${name}`;
}

/** Fields that the command line has no options for, or names itself. */
const NO_OPTION = /^(-|command|stdin|stdout|stderr|CALL|ARG|name\b)|[ "/]/;

/** The options that a limit was set by, or all that set any. */
function limitOptions(feature: string, { given, file }: CommandLineWords): string {
  if (feature !== "limits") return `--${optionOf(feature)}`;
  const limits = new Set(given.filter((name) => LIMITS.includes(name)));
  if (limits.size === 0) return file === undefined ? feature : `${file}: ${feature}`;
  return [...limits].map((name) => `--${name}`).join(", ");
}

/** Whether what failed was asked for by a file, where it is remedied in the file's words. */
function isOfFile(error: SandboxError, { file, given }: CommandLineWords): boolean {
  if (file === undefined || !(error instanceof StepError)) return false;
  const name = error.step === "open" ? "bind" : error.step;
  return !given.includes(name) && !given.includes(`${name}-try`);
}

/** An error's text, in the words of who typed it. What a hook's author wrote is in theirs. */
export function inOptions(error: unknown, words: CommandLineWords): string {
  const text = textOf(error);
  if (!(error instanceof SandboxError) || error instanceof HookError) return text;
  if (error instanceof SpecError && text.startsWith(`${error.field}: `)) {
    const field = NO_OPTION.test(error.field) ? error.field : placeOf(error.field, words);
    return `${field}: ${optionText(text.slice(error.field.length + 2))}`;
  }
  if (error instanceof UnsupportedError && /^limits(\.\w+)?$/.test(error.feature)) {
    return `${limitOptions(error.feature, words)}: ${optionText(error.hint)}`;
  }
  return isOfFile(error, words) ? text : optionText(text);
}
