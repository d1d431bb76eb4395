/**
 * A description as a command line of bubblewrap's, in a script of sh(1). bubblewrap(1) 0.8.
 *
 * @module
 */

import type { HostEntry } from "../../plan/facts.ts";
import { parseMode, parseSize } from "../../quantity.ts";
import type { BindMount, MountSpec, NamespaceKind, SandboxSpec } from "../../spec.ts";
import { comment, type Converted, Leftovers, type Source } from "./conversion.ts";

/** What is to be known of the machine. */
export interface BwrapFacts {
  /** The minimal view of the host. */
  readonly hostView: () => readonly HostEntry[];
  /** Whether root runs it. */
  readonly isRoot: boolean;
}

/** A word for a shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Builds the line. */
class Line {
  /** Options, one or several words each. */
  readonly options: string[] = [];
  /** Contents of files, by descriptor. */
  readonly documents: string[] = [];
  readonly left = new Leftovers();
  #descriptor = 2;

  add(...words: string[]): void {
    this.options.push(words.map(quoted).join(" "));
  }

  /** What the shell expands. */
  raw(text: string): void {
    this.options.push(text);
  }

  /**
   * A file's contents as a document of the shell's: the descriptor that it can be read from, as long
   * as there are some. dash knows those of one digit only.
   */
  document(contents: string): string | undefined {
    if (this.#descriptor >= 9) return undefined;
    const number = ++this.#descriptor;
    const end = `END_${number}`;
    this.documents.push(`${number}<<'${end}'\n${contents}${end}\n`);
    return String(number);
  }
}

const UNSHARE: Readonly<Partial<Record<NamespaceKind, string>>> = {
  cgroup: "--unshare-cgroup",
  ipc: "--unshare-ipc",
  net: "--unshare-net",
  pid: "--unshare-pid",
  user: "--unshare-user",
  uts: "--unshare-uts",
};

function namespaces(spec: SandboxSpec, line: Line): void {
  for (const kind of ["user", "pid", "ipc", "net", "uts", "cgroup", "time", "mount"] as const) {
    const choice = spec.namespaces[kind] ?? "shared";
    const field = `namespaces.${kind}`;
    if (typeof choice === "object") {
      line.left.add(field, "it joins user and pid namespaces only, by descriptors");
    } else if (kind === "mount") {
      if (choice === "shared") line.left.add(field, "it always makes a new one");
    } else if (choice === "new") {
      const option = UNSHARE[kind];
      if (option === undefined) line.left.add(field, "it has none of these");
      else line.add(option);
    }
  }
  // As here, nobody inside makes user namespaces of their own.
  if (spec.namespaces.user === "new") line.add("--disable-userns");
}

function root(spec: SandboxSpec, line: Line, facts: BwrapFacts): void {
  const { root } = spec;
  if (root === "empty") return;
  if (root === "host") {
    for (const entry of facts.hostView()) {
      if (entry.kind === "symlink") line.add("--symlink", entry.to, entry.path);
      else line.add("--ro-bind", entry.path, entry.path);
    }
  } else if ("path" in root) {
    line.add(root.writable ? "--bind" : "--ro-bind", root.path, "/");
    if (root.ephemeral) line.left.add("root.ephemeral", "it has no overlays");
    if (root.idMap) line.left.add("root.idMap", "it maps no owners");
  } else if ("overlay" in root) line.left.add("root.overlay", "it has no overlays");
  else line.left.add("root.image", "it knows no images; export it, and give the directory as root");
}

function bind(mount: BindMount, field: string, line: Line): void {
  const { source, target, writable = false, optional, nodev, devices } = mount;
  if (typeof source === "object") {
    return line.left.add(`${field}.source`, "a descriptor of another program is not there");
  }
  const withDevices = devices === true || nodev === false;
  if (withDevices && !writable) line.left.add(`${field}.devices`, "devices come with writing");
  const kind = writable ? withDevices ? "--dev-bind" : "--bind" : "--ro-bind";
  line.add(optional ? `${kind}-try` : kind, source, target);
  if (mount.recursive === false) line.left.add(`${field}.recursive`, "it binds all that is below");
  if (mount.idMap !== undefined) line.left.add(`${field}.idMap`, "it maps no owners");
  if ((mount.propagation ?? "private") !== "private") {
    line.left.add(`${field}.propagation`, "its mounts are private");
  }
}

function permissions(mode: string | number, field: string): string {
  return parseMode(mode, field).toString(8).padStart(4, "0");
}

function owners(mount: { uid?: number; gid?: number }, field: string, line: Line): void {
  line.left.given({ [`${field}.uid`]: mount.uid, [`${field}.gid`]: mount.gid }, {
    [`${field}.uid`]: "what it makes is the user's",
    [`${field}.gid`]: "what it makes is the user's",
  });
}

function mount(mount: MountSpec, field: string, line: Line): void {
  const { target } = mount;
  for (const flag of ["noexec", "nosymfollow"] as const) {
    if (flag in mount && mount[flag as never]) {
      line.left.add(`${field}.${flag}`, "it has no such flag");
    }
  }
  if ("nosuid" in mount && mount.nosuid === false) {
    line.left.add(`${field}.nosuid`, "always nosuid");
  }
  switch (mount.kind) {
    case "bind":
      return bind(mount, field, line);
    case "tmpfs":
      if (mount.size !== undefined) {
        const bytes = parseSize(mount.size, field);
        if (bytes > 0) line.add("--size", String(bytes));
      }
      line.add("--perms", permissions(mount.mode ?? "1777", field), "--tmpfs", target);
      if (mount.inodes !== undefined) line.left.add(`${field}.inodes`, "it does not count files");
      return owners(mount, field, line);
    case "proc":
      line.add("--proc", target);
      if (mount.hidepid) line.left.add(`${field}.hidepid`, "it has no such option");
      if (mount.subset) line.left.add(`${field}.subset`, "it has no such option");
      return;
    case "dev":
      return line.add("--dev", target);
    case "mqueue":
      return line.add("--mqueue", target);
    case "symlink":
      return line.add("--symlink", mount.source, target);
    case "dir":
      line.add("--perms", permissions(mount.mode ?? "0755", field), "--dir", target);
      return owners(mount, field, line);
    case "file": {
      const text = mount.contents;
      // A document of the shell's ends with a line break and has no NUL.
      const fits = typeof text === "string" && /^([^\0]*\n)?$/.test(text);
      const descriptor = fits ? line.document(text) : undefined;
      if (descriptor === undefined) {
        return line.left.add(
          field,
          `only seven texts of whole lines; write "${target}" to a file and bind it`,
        );
      }
      line.add("--perms", permissions(mount.mode ?? "0644", field), "--file", descriptor, target);
      return owners(mount, field, line);
    }
    default:
      return line.left.add(field, `it has no ${mount.kind}`);
  }
}

function environment(spec: SandboxSpec, line: Line): void {
  const { set, inherit } = spec.env;
  if (inherit !== "all") {
    line.add("--clearenv");
    for (const name of inherit) {
      if (Object.hasOwn(set, name)) continue;
      if (/^[A-Za-z_]\w*$/.test(name)) line.raw(`\${${name}+--setenv ${name} "$${name}"}`);
      else line.left.add(`env.inherit ${name}`, "no variable of the shell's can have this name");
    }
  }
  for (const [name, value] of Object.entries(set)) {
    if (typeof value === "string") line.add("--setenv", name, value);
    else line.left.add(`env.set.${name}`, "bytes that are no text");
  }
}

function identity(spec: SandboxSpec, line: Line, { isRoot }: BwrapFacts): void {
  const { user, idMap, capabilities } = spec;
  if (user !== undefined) {
    line.add("--uid", String(user.uid), "--gid", String(user.gid ?? user.uid));
    if (user.groups?.length) line.left.add("user.groups", "it sets no groups");
  } else if (isRoot) {
    line.left.add("user", "run by root its command is the host's root; run it as somebody else");
  }
  if (idMap !== undefined) line.left.add("idMap", "it maps one id only");
  line.add("--cap-drop", "ALL");
  for (const name of capabilities?.keep ?? []) line.add("--cap-add", name);
}

function network({ network }: SandboxSpec, line: Line): void {
  if (network === undefined || network.mode === "host") return;
  const { mode, ...settings } = network;
  if (mode !== "none") line.left.add("network", `it has no ${mode}, only the host's or none`);
  for (const name of Object.keys(settings)) {
    line.left.add(`network.${name}`, "it has no such setting");
  }
}

const MISSING: Readonly<Record<string, string>> = {
  domainname: "it has none",
  umask: "call umask(1p) before it",
  landlock: "it has none",
  limits: "it makes no cgroup; start it by systemd-run(1)",
  nice: "start it by nice(1)",
  scheduler: "start it by chrt(1)",
  cpuAffinity: "start it by taskset(1)",
  ioPriority: "start it by ionice(1)",
  oomScoreAdj: "start it by choom(1)",
  personality: "start it by setarch(1)",
  timeout: "start it by timeout(1)",
  timeOffsets: "it makes no time namespace",
};

/** Converts it. */
export function toBwrap({ spec, hooks }: Source, facts: BwrapFacts): Converted {
  const line = new Line();
  namespaces(spec, line);
  if (spec.hostname !== undefined) line.add("--hostname", spec.hostname);
  root(spec, line, facts);
  spec.mounts.forEach((each, index) => mount(each, `mounts[${index}]`, line));
  const writable = typeof spec.root === "object" && "path" in spec.root && spec.root.writable;
  if (!writable) line.add("--remount-ro", "/");
  environment(spec, line);
  line.add("--chdir", spec.cwd ?? "/");
  identity(spec, line, facts);
  network(spec, line);
  if (spec.newSession) line.add("--new-session");
  if (spec.asPid1) line.add("--as-pid-1");
  line.add("--die-with-parent");
  if (spec.seccomp !== undefined && spec.seccomp.profile !== "none") {
    line.left.add(
      "seccomp",
      "compile it by `paddock seccomp compile`, and give it as --seccomp FD",
    );
  }
  line.left.given(spec as never, MISSING);
  for (const name of Object.keys(spec.rlimits)) {
    line.left.add(`rlimits.${name}`, "start it by prlimit(1)");
  }
  if (spec.tty !== false) line.left.add("tty", "it makes no terminal; start it by script(1)");
  hooks.forEach((name) => line.left.add("hooks", `it has none; "${name}" is not run`));
  const command = spec.command === undefined
    ? '"$@"'
    : spec.command.map((word) =>
      quoted(typeof word === "string" ? word : new TextDecoder().decode(word))
    ).join(" ");
  const documents = line.documents.map((document) => document.slice(0, document.indexOf("\n")));
  const bodies = line.documents.map((document) => document.slice(document.indexOf("\n") + 1));
  return {
    text: `#!/bin/sh\n${comment(line.left.list, "#", "bubblewrap")}exec bwrap \\\n  ${
      line.options.join(" \\\n  ")
    } \\\n  -- ${command}${documents.map((word) => ` ${word}`).join("")}\n${bodies.join("")}`,
    left: line.left.list,
  };
}
