/**
 * A description as the builder's TypeScript. The calls are made here too, so that what they describe
 * can be compared with what was to be converted.
 *
 * @module
 */

import { relative } from "@std/path";
import { DEFAULT_SPEC } from "../../defaults.ts";
import { Sandbox, sandbox } from "../../sandbox.ts";
import type { MountSpec, SandboxSpec } from "../../spec.ts";
import { type Converted, same, type Source } from "./conversion.ts";

/** A call of a method of the builder's. */
type Call = readonly [method: string, ...args: unknown[]];

function mountCall(mount: MountSpec): Call {
  switch (mount.kind) {
    case "bind": {
      const { kind: _, source, target, ...options } = mount;
      return ["bind", source, target, ...some(options)];
    }
    case "symlink":
      return ["symlink", mount.source, mount.target];
    case "file": {
      const { kind: _, target, contents, ...options } = mount;
      return ["file", target, contents, ...some(options)];
    }
    case "tmpfs":
    case "overlay":
    case "proc":
    case "devpts":
    case "cgroupfs":
    case "dir": {
      const { kind, target, ...options } = mount;
      return [kind, target, ...some(options)];
    }
    case "dev":
    case "mqueue":
    case "sysfs":
      return [mount.kind, mount.target];
    case "mask":
    case "readonly":
      return mount.optional === undefined ? [mount.kind, mount.target] : ["mount", mount];
    case "filesystem":
      return ["mount", mount];
  }
}

/** Options, if there are any. */
function some(options: object): object[] {
  return Object.values(options).some((value) => value !== undefined) ? [options] : [];
}

function environmentCalls({ set, inherit }: SandboxSpec["env"]): Call[] {
  const { env } = DEFAULT_SPEC;
  const calls: Call[] = [];
  const kept = inherit !== "all" && env.inherit !== "all" &&
    env.inherit.every((name, index) => inherit[index] === name);
  const home = set.HOME === env.set.HOME;
  const fresh = !home || (!kept && inherit !== "all");
  if (fresh) calls.push(["clearEnv"]);
  const values = Object.fromEntries(
    Object.entries(set).filter(([name]) => fresh || name !== "HOME"),
  );
  if (Object.keys(values).length > 0) calls.push(["env", values]);
  if (inherit === "all") calls.push(["inheritEnv"]);
  else {
    const more = fresh ? inherit : inherit.slice(env.inherit.length);
    if (more.length > 0) calls.push(["inheritEnv", ...more]);
  }
  return calls;
}

function namespaceCalls({ namespaces, network }: SandboxSpec): Call[] {
  const calls: Call[] = [];
  for (const [kind, choice = "shared"] of Object.entries(namespaces)) {
    if (kind === "net" && network !== undefined) continue;
    const before = DEFAULT_SPEC.namespaces[kind as keyof typeof namespaces] ?? "shared";
    if (same(choice, before)) continue;
    if (typeof choice === "object") calls.push(["join", kind, choice.join]);
    else calls.push([choice === "new" ? "unshare" : "share", kind]);
  }
  return calls;
}

/** The calls after which a sandbox is as the description says. */
function callsOf(spec: SandboxSpec, start: Sandbox): Call[] {
  const calls: Call[] = [];
  const add = (field: keyof SandboxSpec, ...call: Call) => {
    if (!same(spec[field], DEFAULT_SPEC[field])) calls.push(call);
  };
  calls.push(...namespaceCalls(spec));
  const { network, root, user, seccomp, capabilities, landlock, scheduler, ioPriority } = spec;
  if (network !== undefined) {
    const { mode, ...settings } = network;
    calls.push(["network", mode, ...some(settings)]);
  }
  if (typeof root === "object" && "path" in root) {
    const { path, ...options } = root;
    calls.push(["root", path, ...some(options)]);
  } else add("root", "root", root);
  const before = start.spec.mounts;
  calls.push(...spec.mounts.slice(before.length).map(mountCall));
  if (user !== undefined) {
    const { uid, gid = uid, groups = [] } = user;
    calls.push(["user", uid, ...gid === uid && groups.length === 0 ? [] : [gid, groups]]);
  }
  add("idMap", "idMap", spec.idMap);
  if (spec.hostname !== undefined) add("hostname", "hostname", spec.hostname);
  add("domainname", "domainname", spec.domainname);
  calls.push(...environmentCalls(spec.env));
  add("cwd", "cwd", spec.cwd);
  add("umask", "umask", spec.umask);
  if (capabilities !== undefined) {
    const { keep, ...options } = capabilities;
    calls.push(["capabilities", keep, ...some(options)]);
  }
  if (landlock !== undefined) calls.push(["landlock", landlock]);
  if (seccomp !== undefined && !same(seccomp, DEFAULT_SPEC.seccomp)) {
    const { profile, ...options } = seccomp;
    calls.push(["seccomp", profile, ...some(options)]);
  }
  for (const [name, value] of Object.entries(spec.rlimits)) calls.push(["rlimit", name, value]);
  add("limits", "limits", spec.limits);
  add("nice", "nice", spec.nice);
  if (scheduler !== undefined) {
    const { policy, ...options } = scheduler;
    calls.push(["scheduler", policy, ...some(options)]);
  }
  add("cpuAffinity", "cpuAffinity", spec.cpuAffinity);
  if (ioPriority !== undefined) {
    const { class: name, level } = ioPriority;
    calls.push(["ioPriority", name, ...level === undefined ? [] : [level]]);
  }
  add("oomScoreAdj", "oomScoreAdj", spec.oomScoreAdj);
  if (spec.personality !== undefined) calls.push(["personality", ...spec.personality]);
  add("timeout", "timeout", spec.timeout);
  add("tty", "tty", ...spec.tty === true ? [] : [spec.tty]);
  add("newSession", "newSession", spec.newSession);
  add("asPid1", "asPid1", spec.asPid1);
  if (spec.timeOffsets !== undefined) calls.push(["timeOffset", spec.timeOffsets]);
  return calls;
}

/** A value as TypeScript. */
export function literal(value: unknown): string {
  if (value instanceof Uint8Array) return `new Uint8Array([${[...value].join(", ")}])`;
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "undefined";
  const entries = Object.entries(value).filter(([_, entry]) => entry !== undefined)
    .map(([key, entry]) => {
      const name = /^[A-Za-z_$][\w$]*$/.test(key) && key !== "__proto__"
        ? key
        : `[${JSON.stringify(key)}]`;
      return `${name}: ${literal(entry)}`;
    });
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

function apply(start: Sandbox, calls: readonly Call[]): Sandbox {
  return calls.reduce((box, [method, ...args]) => {
    const methods = box as unknown as Record<string, (...args: unknown[]) => Sandbox>;
    return methods[method]!(...args);
  }, start);
}

/** The start of the chain, as code and as a sandbox: one whose mounts these are the beginning of. */
function starts(spec: SandboxSpec): [code: string, box: Sandbox] {
  const { command, mounts } = spec;
  const shared = spec.namespaces.mount !== "new";
  const defaults = shared
    ? mounts.length === 0
    : same(mounts.slice(0, DEFAULT_SPEC.mounts.length), DEFAULT_SPEC.mounts);
  const given: Partial<SandboxSpec> = {
    ...(command === undefined ? {} : { command }),
    ...(defaults ? {} : { mounts: [] }),
  };
  return Object.keys(given).length === 0
    ? ["sandbox()", sandbox()]
    : [`Sandbox.from(${literal(given)})`, Sandbox.from(given)];
}

/** Converts it. */
export function toTypeScript({ spec, hooks }: Source): Converted {
  let [code, box] = starts(spec);
  const shared = spec.namespaces.mount !== "new";
  let calls = callsOf(spec, shared ? box.share("mount") : box);
  if (!same(apply(box, calls).spec, spec)) {
    // What no method says is said as data.
    [code, box, calls] = [`Sandbox.from(${literal(spec)})`, Sandbox.from(spec), []];
  }
  const lines = calls.map(([method, ...args]) => `\n  .${method}(${args.map(literal).join(", ")})`);
  const chain = `${code}${lines.join("")}`;
  const imports = hooks.map((name, index) => {
    const path = name.startsWith("/") ? relative(Deno.cwd(), name) : name;
    const specifier = name.startsWith("/") && !path.startsWith(".") ? `./${path}` : path;
    return `import hooks${index + 1} from ${JSON.stringify(specifier)};\n`;
  });
  const name = code.startsWith("Sandbox") ? "Sandbox" : "sandbox";
  const plugins = hooks.map((_, index) => `hooks${index + 1}`).join(", ");
  const body = hooks.length === 0
    ? `export default ${chain};\n`
    : `const box = ${chain};\n\n// A module has one plugin, or a list of them.\n` +
      `export default [${plugins}].flat().reduce((all, hook) => all.use(hook), box);\n`;
  return {
    text: `import { ${name} } from "@paddock/paddock";\n${imports.join("")}\n${body}`,
    left: [],
  };
}
