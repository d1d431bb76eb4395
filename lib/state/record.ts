/**
 * What is written down of a sandbox that outlives its program: who its processes are, where its
 * things lie, and what it is made of. Whoever comes later goes by this and never by what is inside
 * of the sandbox (CVE-2016-9962, CVE-2019-12589).
 *
 * @module
 */

import { SandboxError } from "../errors.ts";
import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import { NAMESPACE_KINDS, type NamespaceKind, type SandboxSpec } from "../spec.ts";
import type { ProcessIdentity } from "./identity.ts";
import { decodeJson, encodeJson } from "./plain_json.ts";

/** The version of the format; a reader refuses every other one. */
export const RECORD_VERSION = 1;

/** A namespace of a sandbox. */
export interface NamespaceRecord {
  /** Its inode, as `readlink /proc/PID/ns/*` shows it. */
  readonly inode: string;
  /**
   * The keeper's descriptor of it: `/proc/KEEPER/fd/N`. An ordinary user can open it there and only
   * there, for pid 1 is not dumpable.
   */
  readonly fd: number;
}

/** What a sandbox can be entered by. */
export interface EntranceRecord {
  /** The keeper's descriptors of what the sandbox handed out, in that order. */
  readonly held: readonly number[];
  /** Some plugin had a preMount hook. */
  readonly preMount: boolean;
}

/** What a plan needs to know of the host and the caller, as it was at the launch. */
export interface RecordedFacts {
  /** The caller's user id. */
  readonly uid: number;
  /** The caller's group id. */
  readonly gid: number;
  /** The caller's file mode creation mask. */
  readonly umask: number;
  /** The soft limit of open files that the caller's shell had. */
  readonly softNofile?: number;
}

/** Where the output goes, and how much of it is kept. */
export interface LogRecord {
  /** The file of standard output; older parts are beside it, `.1` and so on. */
  readonly stdout: string;
  /** The file of standard error. */
  readonly stderr: string;
  /** The most bytes that one file has. */
  readonly size: number;
  /** How many files there are of a stream, the newest included. */
  readonly files: number;
}

/** The processes of a sandbox that runs. */
export interface ProcessRecords {
  /** The process that stands by it; its end is the sandbox's. */
  readonly keeper: ProcessIdentity;
  /** Pid 1 of the sandbox, as the host numbers it. */
  readonly first: ProcessIdentity;
  /** The command; with `asPid1` the same process. */
  readonly command: ProcessIdentity;
}

/** All that is written down of a sandbox. */
export interface SandboxRecord {
  readonly version: typeof RECORD_VERSION;
  /** Sixteen hexadecimal digits. */
  readonly id: string;
  /** What the caller calls it. */
  readonly name?: string;
  /** When it was begun, in milliseconds since 1970. */
  readonly created: number;
  /** The user who began it. */
  readonly owner: number;
  /** The inode of the pid namespace in which all pids here are numbers. */
  readonly pidNamespace: string;
  /** The program and its arguments. */
  readonly argv: readonly (string | Uint8Array)[];
  /** The program that begins it; without `processes`, its end is the sandbox's. */
  readonly starter: ProcessIdentity;
  /** Its processes, once it runs. */
  readonly processes?: ProcessRecords;
  /** When it had been started, in nanoseconds of `CLOCK_BOOTTIME`. */
  readonly started?: string;
  /** Its namespaces, once it runs: those of its command. */
  readonly namespaces: { readonly [kind in NamespaceKind]?: NamespaceRecord };
  /** By what it can be entered. */
  readonly entrance: EntranceRecord;
  /** The directories of its cgroup, one for each place of the layout. */
  readonly cgroups: readonly string[];
  /** What kind of directories those are. */
  readonly cgroupLayout: CgroupLayout;
  /** Files of the cgroup whose contents the keeper saves at the end, in this order. */
  readonly counted: readonly string[];
  /** The description, resolved. */
  readonly spec: SandboxSpec;
  readonly facts: RecordedFacts;
  /** The command's environment: `NAME=value` each. */
  readonly environment: readonly (string | Uint8Array)[];
  readonly logs: LogRecord;
  /** The file in which the keeper says how it ended. */
  readonly status: string;
  /** Modules with a `postStop` for whoever sees the end. */
  readonly hooks: readonly string[];
  /** Optional mounts whose source was not there. */
  readonly skipped: readonly string[];
}

/** A record as text. */
export function encodeRecord(record: SandboxRecord): string {
  return encodeJson(record) + "\n";
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isDigits: Check = (value) => typeof value === "string" && /^\d{1,20}$/.test(value);
const isObject: Check = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isWord: Check = (value) => isText(value) || value instanceof Uint8Array;

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

/** An object of these fields and no others; a name that ends with `?` may be missing. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  const known = new Map(
    Object.entries(fields).map(([name, check]) => [name.replace("?", ""), check]),
  );
  const must = Object.keys(fields).filter((name) => !name.endsWith("?"));
  return (value) =>
    isObject(value) && must.every((name) => name in (value as object)) &&
    Object.entries(value as object).every(([name, part]) => known.get(name)?.(part) ?? false);
}

const isIdentity = shape({
  pid: (value) => isCount(value) && (value as number) > 0,
  start: isDigits,
  boot: isText,
  "inode?": isDigits,
});

const namespaceFields = Object.fromEntries(
  NAMESPACE_KINDS.map((kind) => [`${kind}?`, shape({ inode: isDigits, fd: isCount })]),
);

const FIELDS: Readonly<Record<string, Check>> = {
  version: (value) => value === RECORD_VERSION,
  id: (value) => isText(value) && PATTERN_ID.test(value as string),
  "name?": (value) => isText(value) && PATTERN_NAME.test(value as string),
  created: isCount,
  owner: isCount,
  pidNamespace: isDigits,
  argv: listOf(isWord),
  starter: isIdentity,
  "processes?": shape({ keeper: isIdentity, first: isIdentity, command: isIdentity }),
  "started?": isDigits,
  namespaces: shape(namespaceFields),
  entrance: shape({ held: listOf(isCount), preMount: (value) => typeof value === "boolean" }),
  cgroups: listOf(isText),
  cgroupLayout: listOf(isObject),
  counted: listOf(isText),
  spec: isObject,
  facts: shape({ uid: isCount, gid: isCount, umask: isCount, "softNofile?": isCount }),
  environment: listOf(isWord),
  logs: shape({ stdout: isText, stderr: isText, size: isCount, files: isCount }),
  status: isText,
  hooks: listOf(isText),
  skipped: listOf(isText),
};

/** An id as it is written. */
export const PATTERN_ID = /^[0-9a-f]{16}$/;

/** What a sandbox may be called: it is a file's name too. */
export const PATTERN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

const isWhole = shape(FIELDS);

/**
 * Reads a record. Throws a `SandboxError` for one that is cut off, of another version, or no record
 * at all; `path` is where it was found.
 */
export function parseRecord(text: string, path: string): SandboxRecord {
  let value: unknown;
  try {
    value = decodeJson(text);
  } catch {
    throw damaged(path, "it is cut off, or not JSON");
  }
  if (!isObject(value)) throw damaged(path, "it is no object");
  const { version } = value as { version?: unknown };
  if (version !== RECORD_VERSION) {
    throw new SandboxError(
      `the record "${path}" has the version ${JSON.stringify(version)}, and this Paddock reads ` +
        `${RECORD_VERSION}; use the one that wrote it`,
    );
  }
  if (isWhole(value)) return value as SandboxRecord;
  const record = value as Record<string, unknown>;
  const wrong = Object.entries(FIELDS).find(([key, check]) => {
    const name = key.replace("?", "");
    return name in record ? !check(record[name]) : name === key;
  })?.[0] ?? Object.keys(record).find((key) => !(key in FIELDS) && !(`${key}?` in FIELDS));
  throw damaged(path, `"${wrong?.replace("?", "")}" is not what it should be`);
}

function damaged(path: string, why: string): SandboxError {
  return new SandboxError(
    `the record "${path}" cannot be read: ${why}; \`paddock prune\` removes it if nothing of the ` +
      `sandbox runs`,
  );
}
