/**
 * A description as the `config.json` of an OCI bundle. Runtime specification 1.0.2.
 *
 * @module
 */

import type { HostEntry } from "../../plan/facts.ts";
import { parseDuration, parseMode } from "../../quantity.ts";
import type { IdRange, NamespaceKind, SandboxSpec } from "../../spec.ts";
import { type Converted, Leftovers, type Source } from "./conversion.ts";
import { mountsOf, rootOf } from "./oci_mounts.ts";
import { resources } from "./oci_resources.ts";

/** What is to be known of the machine. */
export interface OciFacts {
  /** The minimal view of the host. */
  readonly hostView: () => readonly HostEntry[];
  /** A variable. */
  readonly env: (name: string) => string | undefined;
  /** The caller. */
  readonly uid: number;
  /** The caller's group. */
  readonly gid: number;
}

const NAMESPACES: Readonly<Record<NamespaceKind, string>> = {
  cgroup: "cgroup",
  ipc: "ipc",
  mount: "mount",
  net: "network",
  pid: "pid",
  time: "time",
  user: "user",
  uts: "uts",
};

function namespaces(spec: SandboxSpec, left: Leftovers) {
  return Object.entries(spec.namespaces).flatMap(([kind, choice = "shared"]) => {
    const type = NAMESPACES[kind as NamespaceKind];
    if (choice === "shared") return [];
    if (choice === "new") return [{ type }];
    const { join } = choice;
    if (typeof join === "string") return [{ type, path: join }];
    if ("pid" in join) {
      const file = kind === "mount" ? "mnt" : kind;
      return [{ type, path: `/proc/${join.pid}/ns/${file}` }];
    }
    left.add(`namespaces.${kind}`, "a descriptor of another program is not there");
    return [];
  });
}

function environment(spec: SandboxSpec, left: Leftovers, facts: OciFacts): string[] {
  const { set, inherit } = spec.env;
  const values: Record<string, string> = {};
  if (inherit === "all") left.add("env.inherit", "it holds values, not names; add what is needed");
  else {
    for (const name of inherit) {
      const value = facts.env(name);
      if (value === undefined) continue;
      values[name] = value;
      if (!Object.hasOwn(set, name)) {
        left.add(`env.inherit ${name}`, "it holds values, not names; this is the one of now");
      }
    }
  }
  for (const [name, value] of Object.entries(set)) {
    if (typeof value === "string") values[name] = value;
    else left.add(`env.set.${name}`, "bytes that are no text");
  }
  return Object.entries(values).map(([name, value]) => `${name}=${value}`);
}

const MISSING: Readonly<Record<string, string>> = {
  domainname: "it came with version 1.1",
  landlock: "it has none",
  nice: "it came with version 1.1, as scheduler",
  scheduler: "it came with version 1.1",
  cpuAffinity: "it has none; cpuset in limits is near",
  ioPriority: "it came with version 1.1",
  personality: "it knows linux32 only, in linux.personality",
  timeout: "start it by timeout(1)",
};

function networkLeft({ network }: SandboxSpec, left: Leftovers): void {
  if (network === undefined || network.mode === "host" || network.mode === "join") return;
  const { mode, ...settings } = network;
  if (mode !== "none") left.add("network", `it has no ${mode}; a hook would have to make it`);
  for (const name of Object.keys(settings)) left.add(`network.${name}`, "it has no such setting");
}

function seccompOf({ seccomp }: SandboxSpec, left: Leftovers): object {
  const profile = seccomp?.profile ?? "none";
  if (profile === "none") return {};
  if (typeof profile === "object" && "defaultAction" in profile) return { seccomp: profile };
  left.add("seccomp", "it wants a profile in its own JSON; Docker's default one is near ours");
  return {};
}

/** Converts it. */
export function toOci({ spec, hooks }: Source, facts: OciFacts): Converted {
  const left = new Leftovers();
  const { user = { uid: facts.uid, gid: facts.gid }, idMap, capabilities, limits } = spec;
  const { root, mounts } = rootOf(spec, left, facts.hostView);
  const paths = { masked: [] as string[], readonly: [] as string[] };
  spec.mounts.forEach((mount, index) => {
    mounts.push(...mountsOf(mount, `mounts[${index}]`, left, paths));
  });
  const names = capabilities?.keep ?? [];
  const ambient = capabilities?.ambient ?? user.uid !== 0;
  const environmentOf = environment(spec, left, facts);
  left.given(spec as never, MISSING);
  networkLeft(spec, left);
  if (!spec.asPid1) left.add("asPid1", "its command is pid 1, with no reaper above it");
  if (!spec.newSession) left.add("newSession", "its command always has a session of its own");
  if (idMap === undefined && spec.namespaces.user === "new" && facts.uid === 0) {
    left.add("idMap", "its command is the host's root here, which Paddock's is not; give a map");
  }
  if (idMap === "auto") left.add("idMap", "give the ranges of /etc/subuid and /etc/subgid");
  hooks.forEach((name) => left.add("hooks", `its hooks are programs; "${name}" is not run`));
  const only = {
    uids: [{ inside: user.uid, outside: facts.uid }],
    gids: [{ inside: user.gid ?? user.uid, outside: facts.gid }],
  };
  const { uids, gids } = typeof idMap === "object" ? idMap : only;
  const mapping = (ranges: readonly IdRange[]) =>
    ranges.map(({ inside, outside, count = 1 }) => ({
      containerID: inside,
      hostID: outside,
      size: count,
    }));
  const offsets = spec.timeOffsets;
  const linux = {
    namespaces: namespaces(spec, left),
    ...(spec.namespaces.user === "new"
      ? { uidMappings: mapping(uids), gidMappings: mapping(gids) }
      : {}),
    ...(limits === undefined ? {} : { resources: resources(limits, left) }),
    ...(limits?.parent === undefined ? {} : { cgroupsPath: limits.parent }),
    ...seccompOf(spec, left),
    ...(offsets === undefined ? {} : {
      timeOffsets: Object.fromEntries(
        Object.entries(offsets).map(([clock, time]) => {
          const milliseconds = parseDuration(time, "timeOffsets");
          const secs = Math.floor(milliseconds / 1000);
          return [clock, { secs, nanosecs: Math.round((milliseconds - secs * 1000) * 1e6) }];
        }),
      ),
    }),
    maskedPaths: paths.masked,
    readonlyPaths: paths.readonly,
  };
  const config = {
    ociVersion: "1.0.2",
    process: {
      terminal: spec.tty !== false,
      ...(typeof spec.tty === "object"
        ? { consoleSize: { height: spec.tty.rows, width: spec.tty.columns } }
        : {}),
      user: {
        uid: user.uid,
        gid: user.gid ?? user.uid,
        ...(spec.umask === undefined ? {} : { umask: parseMode(spec.umask, "umask") }),
        ...("groups" in user && user.groups?.length ? { additionalGids: user.groups } : {}),
      },
      args: (spec.command ?? ["sh"]).map((word) =>
        typeof word === "string" ? word : new TextDecoder().decode(word)
      ),
      env: environmentOf,
      cwd: spec.cwd ?? "/",
      capabilities: {
        bounding: names,
        effective: names,
        permitted: names,
        ...(ambient ? { inheritable: names, ambient: names } : {}),
      },
      rlimits: Object.entries(spec.rlimits).map(([name, value]) => {
        const [soft, hard] = typeof value === "object" ? [value.soft, value.hard] : [value, value];
        const number = (limit: number | "unlimited") =>
          // The highest number of 64 bits stands for none; JSON's own are not that exact.
          limit === "unlimited" ? 2 ** 63 : limit;
        return { type: `RLIMIT_${name.toUpperCase()}`, soft: number(soft), hard: number(hard) };
      }),
      noNewPrivileges: true,
      ...(spec.oomScoreAdj === undefined ? {} : { oomScoreAdj: spec.oomScoreAdj }),
    },
    root,
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    mounts,
    ...(left.list.length === 0 ? {} : {
      annotations: Object.fromEntries(
        left.list.map(({ field, why }, index) => [`paddock.left.${index + 1}`, `${field}: ${why}`]),
      ),
    }),
    linux,
  };
  return { text: `${JSON.stringify(config, undefined, 2)}\n`, left: left.list };
}
