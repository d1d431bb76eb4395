/**
 * The options of `paddock run`: one table for parsing, help and what each option does.
 *
 * @module
 */

import type { NamespaceName } from "../sandbox.ts";
import { SpecError } from "../errors.ts";
import type { IdRange } from "../spec.ts";
import type { Option } from "./options.ts";
import { DETACH_OPTIONS } from "./options/detach.ts";
import { FILESYSTEM_OPTIONS } from "./options/filesystem.ts";
import { LIMIT_OPTIONS } from "./options/limits.ts";
import { LANDLOCK_OPTIONS } from "./options/landlock.ts";
import { NETWORK_OPTIONS } from "./options/network.ts";
import { PRIVILEGE_OPTIONS } from "./options/privileges.ts";
import { SCHEDULING_OPTIONS } from "./options/scheduling.ts";
import type { RunRequest } from "./run_request.ts";
import { timeText } from "../schema/time.ts";
import { idRangeValue, insidePath, joinValue, listValue, pair, userValue } from "./values.ts";

const PROCESS = "Process";
const NAMESPACES = "Namespaces and ids";
const PADDOCK = "Paddock itself";

const NAMESPACE_KINDS = ["cgroup", "ipc", "mount", "net", "pid", "time", "user", "uts"];

function idMap(run: RunRequest, value: string): void {
  if (value === "auto") {
    run.box = run.box.idMap("auto");
    return;
  }
  const before = run.box.spec.idMap;
  const { uids, gids } = idRangeValue(value);
  const join = (kind: "uids" | "gids", ranges: IdRange[]) =>
    typeof before === "object" ? [...before[kind], ...ranges] : ranges;
  run.box = run.box.idMap({ uids: join("uids", uids), gids: join("gids", gids) });
}

function environment(run: RunRequest, value: string): void {
  if (value.includes("=")) {
    const [name, text] = pair(value, "=", "NAME=VALUE");
    run.box = run.box.env(name, text);
    return;
  }
  // By value, not inherited: the caller's HOME must win over the default one.
  const text = value === "" ? undefined : Deno.env.get(value);
  if (text === undefined) {
    throw new SpecError("value", `"${value}" is not set here; give a value, e.g. ${value}=..`);
  }
  run.box = run.box.env(value, text);
}

/** The options of `paddock run`. */
export const RUN_OPTIONS: readonly Option<RunRequest>[] = [
  ...FILESYSTEM_OPTIONS,
  {
    name: "env",
    short: "e",
    value: "NAME[=VALUE]",
    group: PROCESS,
    help: "set a variable; without a value, to what it is here",
    apply: environment,
  },
  {
    name: "clear-env",
    group: PROCESS,
    help: "take everything out of the environment, what was set so far too",
    apply: (run) => run.box = run.box.clearEnv(),
  },
  {
    name: "cwd",
    short: "w",
    value: "DIR",
    group: PROCESS,
    help: "the working directory inside; default: /",
    apply: (run, value) => run.box = run.box.cwd(insidePath(value)),
  },
  {
    name: "user",
    short: "u",
    value: "UID[:GID]",
    group: PROCESS,
    help: "who the command is inside; default: your own ids",
    apply: (run, value) => run.box = run.box.user(...userValue(value)),
  },
  {
    name: "umask",
    value: "MASK",
    group: PROCESS,
    help: "the file mode creation mask in octal, e.g. 077",
    apply: (run, value) => run.box = run.box.umask(value),
  },
  {
    name: "tty",
    short: "t",
    group: PROCESS,
    help: "give the command a terminal of its own, connected with this one",
    apply: (run) => run.box = run.box.tty(),
  },
  {
    name: "new-session",
    group: PROCESS,
    help: "put the command into a session of its own (default)",
    apply: (run) => run.box = run.box.newSession(),
  },
  {
    name: "no-new-session",
    group: PROCESS,
    help: "leave it in yours: it can reach your terminal",
    apply: (run) => run.box = run.box.newSession(false),
  },
  {
    name: "as-pid-1",
    group: PROCESS,
    help: "make the command itself pid 1, with no reaper above it",
    apply: (run) => run.box = run.box.asPid1(),
  },
  {
    name: "hostname",
    value: "NAME",
    group: NAMESPACES,
    help: "the hostname inside; default: paddock",
    apply: (run, value) => run.box = run.box.hostname(value),
  },
  {
    name: "domainname",
    value: "NAME",
    group: NAMESPACES,
    help: "the NIS domain name inside",
    apply: (run, value) => run.box = run.box.domainname(value),
  },
  {
    name: "unshare",
    value: "KIND,..",
    choices: NAMESPACE_KINDS,
    group: NAMESPACES,
    help: "make these namespaces new; default: all but time",
    apply: (run, value) => run.box = run.box.unshare(...listValue(value) as NamespaceName[]),
  },
  {
    name: "share",
    value: "KIND,..",
    choices: NAMESPACE_KINDS,
    group: NAMESPACES,
    help: "share these with the host: cgroup ipc mount net pid time user uts",
    apply: (run, value) => run.box = run.box.share(...listValue(value) as NamespaceName[]),
  },
  {
    name: "join",
    value: "KIND=TARGET",
    choices: NAMESPACE_KINDS.map((kind) => `${kind}=`),
    group: NAMESPACES,
    help: "join an existing one: a path such as /run/netns/blue, pid:N or fd:N",
    apply: (run, value) => {
      const [kind, target] = joinValue(value);
      run.box = run.box.join(kind as NamespaceName, target);
    },
  },
  {
    name: "id-map",
    value: "INSIDE:OUTSIDE[:COUNT]|auto",
    group: NAMESPACES,
    help: "ids that exist inside, after uid: or gid: for one sort; auto: from /etc/subuid",
    apply: idMap,
  },
  {
    name: "time-offset",
    value: "CLOCK=TIME",
    group: NAMESPACES,
    help: "shift a clock, monotonic or boottime, e.g. boottime=10d",
    apply: (run, value) => {
      const [clock, time] = pair(value, "=", "monotonic=TIME or boottime=TIME");
      if (clock !== "monotonic" && clock !== "boottime") {
        throw new SpecError("value", `"${clock}" is neither monotonic nor boottime`);
      }
      run.box = run.box.timeOffset({
        ...run.box.spec.timeOffsets,
        [clock]: timeText(time, "value"),
      });
    },
  },
  ...NETWORK_OPTIONS,
  ...PRIVILEGE_OPTIONS,
  ...LANDLOCK_OPTIONS,
  ...LIMIT_OPTIONS,
  ...SCHEDULING_OPTIONS,
  ...DETACH_OPTIONS,
  {
    name: "file",
    short: "f",
    value: "SPEC.yaml",
    group: PADDOCK,
    help: "read a description in YAML or JSON, - from standard input; more come on top of it",
    // They are read before any option is applied.
    apply: () => {},
  },
  {
    name: "hook",
    value: "MODULE",
    group: PADDOCK,
    help: "a TypeScript module whose default export is made by defineHook, or a list of such",
    apply: (run, value) => {
      run.hooks.push(value);
    },
  },
  {
    name: "report",
    group: PADDOCK,
    help: "tell what the command touched: files, connections, system calls that were denied",
    apply: (run) => run.report = true,
  },
  {
    name: "learn",
    value: "SPEC.yaml",
    group: PADDOCK,
    help: "write the tightest description in which the command does the same again",
    apply: (run, value) => run.learn = value,
  },
  {
    name: "explain",
    optional: ["svg", "mermaid"],
    group: PADDOCK,
    help: "print what would be done, step by step or as a picture, and do nothing",
    apply: (run, value) => {
      run.explain = true;
      if (value === "svg" || value === "mermaid") run.picture = value;
    },
  },
  {
    name: "trace",
    group: PADDOCK,
    help: "print what the launch did and when on standard error, with what hooks took",
    apply: (run) => run.trace = true,
  },
  {
    name: "json",
    group: PADDOCK,
    help: "print how it ended as a line of JSON on standard error; with --explain, the steps",
    apply: (run) => run.json = true,
  },
  {
    name: "debug",
    group: PADDOCK,
    help: "show stack traces with errors",
    apply: (run) => run.debug = true,
  },
  {
    name: "help",
    short: "h",
    group: PADDOCK,
    help: "print this",
    apply: (run) => run.help = true,
  },
];
