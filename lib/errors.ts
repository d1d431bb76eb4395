/**
 * The errors Paddock throws. Every text names the action, quotes the paths, gives the errno's
 * name, and where a remedy is known, says it. Nothing here imports anything above it.
 *
 * @module
 */

import { errnoName, errnoText } from "./sys/abi/errno.ts";

/** The root of every error that Paddock throws on purpose. */
export class SandboxError extends Error {
  /** The class's name, so that `String(error)` says which kind it is. */
  override name = "SandboxError";
}

/** What a {@linkcode SyscallError} is made of. */
export interface SyscallErrorInit {
  /** The system call's name as its man page spells it, e.g. `"openat2"`. */
  syscall: string;
  /** The positive errno. */
  errno: number;
  /** The path (or source) the call was about. */
  path?: string;
  /** The second path, where there is one: the target of a mount or a link. */
  dest?: string;
  /** The flags by name, e.g. `"MS_BIND|MS_REC"`. */
  flags?: string;
  /** What the reader can do about it. */
  hint?: string;
}

/** The set-up took longer than the time limit. Of a command that ran, its status tells. */
export class TimeoutError extends SandboxError {
  /** The class's name. */
  override name = "TimeoutError";
}

/** A system call that failed. */
export class SyscallError extends SandboxError {
  /** The class's name. */
  override name = "SyscallError";
  /** The system call's name. */
  readonly syscall: string;
  /** The positive errno. */
  readonly errno: number;
  /** The errno's name, e.g. `"EPERM"`. */
  readonly code: string;
  /** The path (or source) the call was about. */
  readonly path?: string;
  /** The target path, where there is one. */
  readonly dest?: string;
  /** The flags by name. */
  readonly flags?: string;
  /** What the reader can do about it. */
  readonly hint?: string;

  /** Makes the error and its text from the parts. */
  constructor(init: SyscallErrorInit) {
    const code = errnoName(init.errno);
    const where = (init.path === undefined ? "" : ` "${init.path}"`) +
      (init.dest === undefined ? "" : ` on "${init.dest}"`) +
      (init.flags ? ` (${init.flags})` : "");
    super(
      `${init.syscall}${where}: ${code} (${errnoText(init.errno)})` +
        (init.hint ? `; ${init.hint}` : ""),
    );
    this.syscall = init.syscall;
    this.errno = init.errno;
    this.code = code;
    this.path = init.path;
    this.dest = init.dest;
    this.flags = init.flags;
    this.hint = init.hint;
  }
}

/** What a {@linkcode NetlinkError} is made of. */
export interface NetlinkErrorInit {
  /** The message's type as rtnetlink(7) spells it, e.g. `"RTM_NEWLINK"`. */
  request: string;
  /** The positive errno. */
  errno: number;
  /** What the message was about, e.g. `"veth0"`. */
  subject?: string;
  /** The kernel's own words, from the extended acknowledgement. */
  detail?: string;
  /** Where in the message the kernel found what it refused, in bytes from its start. */
  offset?: number;
  /** What the reader can do about it. */
  hint?: string;
}

/** A message to the kernel's network configuration that it refused. netlink(7). */
export class NetlinkError extends SandboxError {
  /** The class's name. */
  override name = "NetlinkError";
  /** The message's type, e.g. `"RTM_NEWLINK"`. */
  readonly request: string;
  /** The positive errno. */
  readonly errno: number;
  /** The errno's name, e.g. `"EEXIST"`. */
  readonly code: string;
  /** What the message was about. */
  readonly subject?: string;
  /** The kernel's own words, where it had any. */
  readonly detail?: string;
  /** Where in the message the kernel found what it refused. */
  readonly offset?: number;
  /** What the reader can do about it. */
  readonly hint?: string;

  /** Makes the error and its text from the parts. */
  constructor(init: NetlinkErrorInit) {
    const code = errnoName(init.errno);
    super(
      `${init.request}${init.subject === undefined ? "" : ` "${init.subject}"`}: ${code} (` +
        `${errnoText(init.errno)})${init.detail ? `: ${init.detail.replace(/\.$/, "")}` : ""}` +
        (init.hint ? `; ${init.hint}` : ""),
    );
    this.request = init.request;
    this.errno = init.errno;
    this.code = code;
    this.subject = init.subject;
    this.detail = init.detail;
    this.offset = init.offset;
    this.hint = init.hint;
  }
}

/** A step of the plan that failed: `cause` tells the system call and its errno. */
export class StepError extends SandboxError {
  /** The class's name. */
  override name = "StepError";
  /** The step's number in the plan, from 1. */
  readonly number: number;
  /** The step's name in the plan, e.g. `"bind"`. */
  readonly step: string;

  /** Makes the error; `sentence` is the plan's own words for the step. */
  constructor(number: number, step: string, sentence: string, cause: Error) {
    super(`step ${number}, ${sentence}: ${cause.message}`, { cause });
    this.number = number;
    this.step = step;
  }
}

/** An option or a spec that does not make sense; `field` is the path of what is wrong. */
export class SpecError extends SandboxError {
  /** The class's name. */
  override name = "SpecError";
  /** Where in the spec, e.g. `"mounts[2].target"`. */
  readonly field: string;

  /** Makes the error: `field: message`. */
  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}

/** A hook that threw, or that did not end in time. */
export class HookError extends SandboxError {
  /** The class's name. */
  override name = "HookError";
  /** The plugin's name. */
  readonly plugin: string;
  /** The stage, e.g. `"preMount"`. */
  readonly hook: string;

  /** Makes the error from the plugin, the stage and what the hook threw. */
  constructor(plugin: string, hook: string, cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause);
    super(`hook ${hook} of plugin "${plugin}" failed: ${text}`, { cause });
    this.plugin = plugin;
    this.hook = hook;
  }
}

/** Something that this machine, kernel or user cannot do. `hint` says what would change that. */
export class UnsupportedError extends SandboxError {
  /** The class's name. */
  override name = "UnsupportedError";
  /** What is missing, e.g. `"user namespaces"`. */
  readonly feature: string;
  /** What to do about it. */
  readonly hint: string;

  /** Makes the error: `feature: hint`. */
  constructor(feature: string, hint: string, options?: ErrorOptions) {
    super(`${feature}: ${hint}`, options);
    this.feature = feature;
    this.hint = hint;
  }
}

/** An archive that is damaged, or that tries what no archive may; `entry` is where. */
export class ArchiveError extends SandboxError {
  /** The class's name. */
  override name = "ArchiveError";
  /** The entry's name as the archive has it, or a place in it. */
  readonly entry: string;

  /** Makes the error: `entry "NAME": message`. */
  constructor(entry: string, message: string, options?: ErrorOptions) {
    super(`entry "${entry}": ${message}`, options);
    this.entry = entry;
  }
}

/** An image that is not there, is in use, or is not what its digest says. */
export class ImageError extends SandboxError {
  /** The class's name. */
  override name = "ImageError";
  /** The image as it was named. */
  readonly image: string;

  /** Makes the error: `image "NAME": message`. */
  constructor(image: string, message: string, options?: ErrorOptions) {
    super(`image "${image}": ${message}`, options);
    this.image = image;
  }
}
