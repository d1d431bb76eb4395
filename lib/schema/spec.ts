/**
 * The schema of a whole description: `SandboxSpec` as data, and what a file may say instead.
 *
 * @module
 */

import type { OciSeccompProfile, SeccompPolicy, SeccompProgram } from "../spec/seccomp.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../spec.ts";
import { LANDLOCK_RIGHT_NAMES, LANDLOCK_SCOPES } from "../spec/landlock.ts";
import { CAPABILITIES, type CapabilityName } from "../sys/abi/capability.ts";
import {
  IO_PRIORITY,
  LIMITS,
  NICE,
  OOM_SCORE_ADJ,
  PERSONALITY,
  RLIMITS_NODE,
  SCHEDULER,
} from "./limits.ts";
import { FILE_ROOT, id, idMap, MOUNT, ROOT } from "./mounts.ts";
import { JOIN_TARGET, NETWORK } from "./network.ts";
import {
  either,
  flag,
  list,
  number,
  type OpaqueNode,
  record,
  type RecordNode,
  text,
  word,
} from "./node.ts";

const choice = either("New, the host's, or one that exists already.", [
  word("A fresh one, or the host's.", ["new", "shared"], {
    hint: '"shared" is the host\'s',
  }),
  record("One that exists already.", { join: JOIN_TARGET }, ["join"]),
], { example: "new" });

type Choices<Name extends string> = RecordNode<{ readonly [name in Name]: typeof choice }, never>;

function namespaces<Name extends string>(names: readonly Name[]): Choices<Name> {
  return record(
    "What becomes of each kind of namespace.",
    Object.fromEntries(names.map((name) => [name, choice])) as Record<Name, typeof choice>,
    [],
    { default: "all new but `time`" },
  );
}

const access = word("A kind of access, or a right by its name in the kernel.", [
  "read",
  "execute",
  "write",
  ...LANDLOCK_RIGHT_NAMES.filter((name) => name !== "execute"),
]);

/** What Landlock allows. */
export const LANDLOCK = either("What Landlock allows.", [
  word("What the mounts say, as a second wall.", ["from-mounts"]),
  record("Rules.", {
    paths: either("What may be done to files.", [
      word("What the mounts say.", ["from-mounts"]),
      list(
        "Rules.",
        record("A rule.", {
          path: text("An absolute path inside, with all below it.", { at: "inside" }),
          allow: either("What is allowed.", [access, list("Several.", access, { least: 1 })], {
            example: "read",
          }),
          optional: flag("If there is no such path, go on without."),
        }, ["path", "allow"]),
        { merge: "append" },
      ),
    ], { default: "files are not restricted" }),
    tcp: record("TCP ports; a list that is not given leaves its side open.", {
      bind: list("Ports that may be bound.", number("A port.", 0, 65535)),
      connect: list("Ports that may be connected to.", number("A port.", 0, 65535)),
    }, []),
    scopes: list("What is kept inside.", word("A scope.", LANDLOCK_SCOPES)),
    optional: flag("Leave out what the running kernel lacks."),
  }, []),
], { default: "none" });

const profile: OpaqueNode<SeccompPolicy | OciSeccompProfile | SeccompProgram> = {
  is: "opaque",
  about: "A policy, or an OCI profile.",
};
const log = flag("Count what the filter denies.");

/** The filter of system calls. */
export const SECCOMP = record(
  "The filter of system calls.",
  {
    profile: either("The default one, none, or one's own.", [
      word("By name.", ["default", "none"]),
      profile,
    ], { example: "default" }),
    log,
  },
  ["profile"],
  { default: "the default profile" },
);

const FILE_SECCOMP = either(SECCOMP.about!, [
  text("`default`, `none`, or a file with a policy or an OCI profile.", { at: "host" }),
  record(SECCOMP.about!, {
    profile: either("The default one, none, a file, or one's own.", [
      text("`default`, `none`, or a file.", { at: "host" }),
      profile,
    ], { default: "`default`" }),
    log,
  }),
], { default: "`default`" });

const variables = {
  is: "dictionary",
  about: "Variables with their values.",
  of: { is: "text", about: "A value.", bytes: true, example: '"1"' },
  example: "{ LANG: C.UTF-8 }",
} as const;
const inherit = either("Names taken from here, or `all`.", [
  word("All of them.", ["all"]),
  list("Names.", text("A name."), { merge: "append" }),
], { default: "`[PATH, TERM, LANG]`" });
const ENV_HINT = { hint: 'variables and their values go into "set"' };
const ENV = record("The environment.", { set: variables, inherit }, ["set", "inherit"], ENV_HINT);
const FILE_ENV = record("The environment.", { set: variables, inherit }, [], ENV_HINT);

const clock = (about: string) => ({ is: "duration", about, example: "1d" } as const);

/** The capabilities. */
export const CAPABILITIES_NODE = record(
  "The capabilities that the command keeps.",
  {
    keep: list(
      "By the kernel's names.",
      word("A capability.", Object.keys(CAPABILITIES) as CapabilityName[], {
        hint: "see capabilities(7)",
      }),
      { merge: "append", example: "[CAP_NET_BIND_SERVICE]" },
    ),
    ambient: flag("Put them into the ambient set.", "only where the command is not user 0"),
  },
  ["keep"],
  { default: "none", example: "{ keep: [CAP_NET_BIND_SERVICE] }" },
);

export const FIELDS = {
  command: list(
    "The command and its arguments.",
    { is: "text", about: "A word.", bytes: true },
    { least: 1, example: "[sh, -c, make]" },
  ),
  root: ROOT,
  mounts: list("What is made in the root, in this order.", MOUNT, {
    merge: "by-target",
    default: "`/proc`, `/dev`, `/tmp`, `/run`",
    example: "[{ kind: tmpfs, target: /work }]",
  }),
  namespaces: namespaces(NAMESPACE_KINDS as readonly NamespaceKind[]),
  user: record(
    "Who the command is inside.",
    {
      uid: id("User id."),
      gid: id("Group id.", { default: "the same as `uid`" }),
      groups: list("Supplementary groups.", id("A group."), { default: "none" }),
    },
    ["uid"],
    { default: "the caller's own ids", example: "{ uid: 1000 }" },
  ),
  idMap: either("Which ids exist inside.", [
    word("What `/etc/subuid` and `/etc/subgid` give the caller.", ["auto"]),
    idMap("Ranges."),
  ], { default: "the user's alone" }),
  hostname: text("The hostname.", { empty: false, default: "`paddock`" }),
  domainname: text("The NIS domain name.", { empty: false }),
  env: ENV,
  cwd: text("The working directory inside.", { at: "inside", default: "`/`" }),
  umask: { is: "mode", about: "The file mode creation mask.", example: '"022"' },
  capabilities: CAPABILITIES_NODE,
  landlock: LANDLOCK,
  seccomp: SECCOMP,
  rlimits: RLIMITS_NODE,
  limits: LIMITS,
  nice: NICE,
  scheduler: SCHEDULER,
  cpuAffinity: { is: "cpus", about: "The processors to run on.", example: '"0-3,8"' },
  ioPriority: IO_PRIORITY,
  oomScoreAdj: OOM_SCORE_ADJ,
  personality: PERSONALITY,
  network: NETWORK,
  timeout: {
    is: "duration",
    about: "After this time everything is killed.",
    positive: true,
    example: "30s",
  },
  tty: either("Give the command a terminal of its own.", [
    flag("Whether."),
    record("One of this size.", {
      columns: number("From left to right.", 0, 0xffff),
      rows: number("From top to bottom.", 0, 0xffff),
    }, ["columns", "rows"]),
  ], { default: "false" }),
  newSession: flag("Put the command into a session of its own.", "true"),
  asPid1: flag("Make the command itself pid 1."),
  timeOffsets: record("Offsets of the clocks; they make a new time namespace.", {
    monotonic: clock("Added to `CLOCK_MONOTONIC`."),
    boottime: clock("Added to `CLOCK_BOOTTIME`."),
  }),
} as const;

/** What other programs call these fields. */
const MEANT = {
  args: "command",
  cmd: "command",
  entrypoint: "command",
  exec: "command",
  process: "command",
  rootfs: "root",
  image: "an image is the root: root: { image: NAME }",
  binds: "mounts",
  bind: "mounts",
  volumes: "mounts",
  tmpfs: "mounts",
  environment: "env",
  envs: "env",
  working_dir: "cwd",
  workdir: "cwd",
  workingDir: "cwd",
  ports: "published ports are in network: network: { mode: bridge, publish: [..] }",
  publish: "it is in network: network: { mode: bridge, publish: [..] }",
  allowDomains: "it is in network: network: { mode: none, allowDomains: [..] }",
  uid: "it is in user: user: { uid: .. }",
  gid: "it is in user: user: { uid: .., gid: .. }",
  memory: "it is in limits: limits: { memory: .. }",
  cpus: "it is in limits: limits: { cpus: .. }",
  pids: "it is in limits: limits: { pids: .. }",
  resources: "limits",
  ulimits: "rlimits",
  caps: "capabilities",
  cap_add: "capabilities",
  terminal: "tty",
  unshare: "namespaces",
  share: "namespaces",
  plugins: "hooks",
} as const;

/** A description as a builder has it. */
export const SPEC = record("A sandbox.", FIELDS, [
  "root",
  "mounts",
  "namespaces",
  "env",
  "rlimits",
  "tty",
  "newSession",
  "asPid1",
], { meant: MEANT, example: "command: [id]" });

/** A description in a file: nothing must be there, and some things can be said in fewer words. */
export const FILE = record(
  "A sandbox. What is not given is as the safe defaults have it.",
  {
    extends: either("Files that this one is put on top of.", [
      text("A file.", { at: "host", empty: false }),
      list("Several, in this order.", text("A file.", { at: "host", empty: false }), { least: 1 }),
    ], { example: "base.yaml" }),
    ...FIELDS,
    root: FILE_ROOT,
    namespaces: namespaces([...NAMESPACE_KINDS, "mnt", "network"]),
    env: FILE_ENV,
    seccomp: FILE_SECCOMP,
    network: { ...NETWORK, otherwise: "none" },
    hooks: list(
      "Modules with hooks.",
      text("A path, or a specifier such as jsr:@scope/name.", { at: "module", empty: false }),
      { merge: "append", example: "[./workspace.ts]" },
    ),
  },
  [],
  { meant: MEANT, example: "command: [id]" },
);
