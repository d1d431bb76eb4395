/**
 * What a picture of a sandbox shows: in each row what is on the host, what is inside, and what goes
 * between. Made of the description and its plan; drawn by others.
 *
 * @module
 */

import type { Plugin } from "../../hook.ts";
import { describeNetwork } from "../../plan/describe_network.ts";
import { mountTable } from "../../plan/mount_table.ts";
import type { Plan } from "../../run/plan_view.ts";
import { hasGate } from "../../spec/network.ts";
import { NAMESPACE_KINDS, type SandboxSpec } from "../../spec.ts";
import { gateLists } from "../gate_lists.ts";

/** How one side is connected with the other. */
export interface Connection {
  readonly label: string;
  /** `free`: nothing is in the way; `guarded`: something decides; `none`: nothing passes. */
  readonly kind: "free" | "guarded" | "none";
  /** It is the sandbox that reaches for the host, and not the other way. */
  readonly outward?: boolean;
}

/** A row of the picture. */
export interface SceneRow {
  /** One word, and unique: `"files"`. */
  readonly title: string;
  /** What there is on the host. */
  readonly host: readonly string[];
  readonly connection: Connection;
  /** What there is inside. */
  readonly inside: readonly string[];
}

/** The whole picture. */
export interface Scene {
  /** The sandbox's name. */
  readonly name: string;
  readonly rows: readonly SceneRow[];
}

const LONGEST = 60;

const DEVICE = /^\/dev\/(null|zero|full|random|urandom|tty)$/;

/** A text that is not too long for its box. */
function short(text: string, most = LONGEST): string {
  const [line = ""] = text.split("\n");
  return line.length <= most && line === text ? text : `${line.slice(0, most - 1)}…`;
}

function processes(spec: SandboxSpec, command: string, uid: number): SceneRow {
  const { user, timeout, asPid1, tty } = spec;
  const who = user === undefined ? "" : ` as ${user.uid}:${user.gid ?? user.uid}`;
  const lines = asPid1
    ? [`pid 1: ${command}${who}`]
    : spec.namespaces.pid === "new"
    ? ["pid 1: reaps, and ends the rest", `the command: ${command}${who}`]
    : [`the command: ${command}${who}`];
  return {
    title: "processes",
    host: [`this program, user ${uid}`],
    connection: {
      label: timeout === undefined ? "starts it, ends with it" : `kills it after ${timeout}`,
      kind: "guarded",
    },
    inside: [...lines, ...tty ? ["on a terminal of its own"] : []].map((line) => short(line)),
  };
}

function files({ steps }: Plan): SceneRow {
  // What a device gives, everybody may have of it.
  const table = mountTable(steps).filter(({ source = "" }) => !DEVICE.test(source));
  const rows = table.map(({ target, type, options, source }) => {
    const access = options.includes("rw") ? "writable" : "read-only";
    return `${target}  ${
      type === "bind" && source !== target ? `${source}, ` : `${type}, `
    }${access}`;
  });
  const sources = table.filter(({ type, source }) => type === "bind" && source !== undefined);
  const writable = sources.filter(({ options }) => options.includes("rw"));
  return {
    title: "files",
    host: sources.length === 0
      ? ["nothing of the host's files"]
      : [...new Set(sources.map(({ source }) => source!))].map((line) => short(line, 36)),
    connection: sources.length === 0
      ? { label: "nothing is shown", kind: "none" }
      : writable.length === 0
      ? { label: "shown, read-only", kind: "guarded" }
      : { label: `${writable.length} of ${sources.length} can be changed`, kind: "free" },
    inside: rows.length === 0 ? ["all files of the host"] : rows.map((line) => short(line)),
  };
}

function network(spec: SandboxSpec): SceneRow {
  const { network, namespaces } = spec;
  const mode = network?.mode ?? (namespaces.net === "new" ? "none" : "host");
  const published = (network && "publish" in network ? network.publish : undefined) ?? [];
  const ports = published.map((port) => `port ${port}`);
  if (mode === "host" || (namespaces.net ?? "shared") === "shared") {
    return {
      title: "network",
      host: ["the host's network"],
      connection: { label: "the same one", kind: "free", outward: true },
      inside: ["all devices and services of the host"],
    };
  }
  if (network !== undefined && hasGate(network)) {
    const { allowed, denied } = gateLists(network);
    return {
      title: "network",
      host: ["a gate in this program", ...denied.map((name) => short(`never: ${name}`, 36))],
      connection: { label: "TCP, by names", kind: "guarded", outward: true },
      inside: ["lo", ...allowed.length === 0 ? ["nothing can be reached"] : allowed].map((line) =>
        short(line)
      ),
    };
  }
  if (mode === "none") {
    return {
      title: "network",
      host: ["the host's network", ...ports],
      connection: ports.length === 0
        ? { label: "nothing passes", kind: "none" }
        : { label: "published ports only", kind: "guarded" },
      inside: ["lo, and nothing else"],
    };
  }
  return {
    title: "network",
    host: [mode, ...ports].map((line) => short(line, 36)),
    connection: { label: mode, kind: "guarded", outward: true },
    inside: ["lo", ...describeNetwork(network)].map((line) => short(line)),
  };
}

function namespaces({ namespaces }: SandboxSpec): SceneRow {
  const of = (choice: string) =>
    NAMESPACE_KINDS.filter((kind) => {
      const given = namespaces[kind] ?? "shared";
      return (typeof given === "string" ? given : "joined") === choice;
    });
  const shared = of("shared"), joined = of("joined"), fresh = of("new");
  return {
    title: "namespaces",
    host: shared.length === 0 ? ["none is shared"] : [`shared: ${shared.join(" ")}`],
    connection: shared.length === 0 || shared.join() === "time"
      ? { label: "apart", kind: "none" }
      : { label: "shared with the host", kind: "free" },
    inside: [
      ...fresh.length === 0 ? [] : [`new: ${fresh.join(" ")}`],
      ...joined.length === 0 ? [] : [`joined: ${joined.join(" ")}`],
      ...fresh.length + joined.length === 0 ? ["none of its own"] : [],
    ],
  };
}

function limits({ limits, rlimits }: SandboxSpec): SceneRow {
  const own = Object.entries({ ...limits, ...rlimits })
    .filter(([name, value]) => value !== undefined && name !== "parent")
    .map(([name, value]) =>
      short(`${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    );
  return {
    title: "limits",
    host: [limits === undefined ? "the cgroup of this program" : "a cgroup of its own"],
    connection: own.length === 0
      ? { label: "all that this user may", kind: "free" }
      : { label: "no more than", kind: "guarded" },
    inside: own.length === 0 ? ["no limits of its own"] : own,
  };
}

function guards(spec: SandboxSpec, plugins: readonly Pick<Plugin, "name">[]): SceneRow {
  const { seccomp, capabilities, landlock } = spec;
  const profile = seccomp?.profile;
  const filter = profile === undefined || profile === "none"
    ? "all system calls"
    : `system calls by ${typeof profile === "string" ? `the ${profile} profile` : "a profile"}`;
  const keep = capabilities?.keep ?? [];
  return {
    title: "guards",
    host: [
      "the kernel",
      ...plugins.map(({ name }) => short(`plugin "${name}"`, 36)),
    ],
    connection: profile === "none" || keep.length > 0
      ? { label: "asks less than usual", kind: "free" }
      : { label: "asked at each call", kind: "guarded" },
    inside: [
      filter,
      keep.length === 0 ? "no capabilities" : short(`capabilities: ${keep.join(" ")}`),
      ...landlock === undefined ? [] : ["Landlock"],
    ],
  };
}

/** Makes the scene of a sandbox with a command. */
export function sceneOf(
  spec: SandboxSpec,
  plan: Plan,
  command: readonly (string | Uint8Array)[],
  plugins: readonly Pick<Plugin, "name">[],
  uid: number,
): Scene {
  const words = command.map((word) => typeof word === "string" ? word : "…").join(" ");
  return {
    name: spec.hostname ?? "sandbox",
    rows: [
      processes(spec, words, uid),
      files(plan),
      network(spec),
      namespaces(spec),
      limits(spec),
      guards(spec, plugins),
    ],
  };
}
