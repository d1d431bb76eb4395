/**
 * A plugin that lets a sandbox without a network reach the names that are listed, and nothing else.
 *
 * Programs that know of proxies are told of one (HTTP, CONNECT and SOCKS 5, in TypeScript, on this
 * side); for all others, every TCP connection inside is handed to the same policy by the kernel,
 * and names are resolved by a resolver that knows the allowed ones only. It works for an ordinary
 * user, and with no helper program.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { egress, egressReport } from "@paddock/paddock/hooks/egress";
 *
 * const box = sandbox().use(egress({ allowDomains: ["deno.land:443", "*.example.com"] }));
 * const result = await box.output(["sh", "-c", "echo > /dev/tcp/10.0.0.1/80; true"]);
 * console.log(egressReport(result)?.denied); // and .decisions, one by one
 * ```
 *
 * @module
 */

// Only types from there: with all of the library's doors, a command that allows one name would take
// a tenth longer to start.
import {
  checkKeys,
  type MountSpec,
  type Plugin,
  type SandboxSpec,
  type SandboxStatus,
} from "../mod.ts";
import {
  type EgressDecision,
  EgressPolicy,
  type EgressPolicyOptions,
  type EgressReport,
  EgressSession,
  type EgressSessionOptions,
  NAME_SERVER,
  parseRate,
  PROXY,
  SpecError,
} from "../lib/net/egress/mod.ts";

export type {
  DomainRule,
  EgressPolicyOptions,
  EgressQuestion,
  EgressVerdict,
} from "../lib/net/egress/mod.ts";
export { type EgressDecision, EgressPolicy, type EgressReport };

/** What {@linkcode egress} takes: the lists, or a policy that can be changed later; and how. */
export interface EgressOptions
  extends EgressPolicyOptions, Omit<EgressSessionOptions, "policy" | "bandwidth"> {
  /** A policy instead of lists of this plugin's own. */
  policy?: EgressPolicy;
  /** Caps on what goes out and what comes in, in bits per second: a number or e.g. `"10mbit"`. */
  bandwidth?: { up?: string | number; down?: string | number };
}

const NAME = "egress";

/** The last two are what `network()` hands on. */
const KNOWN = [
  ...["allowDomains", "denyDomains", "allowAddresses", "denyAddresses", "onRequest", "policy"],
  ...["transparent", "lookup", "bandwidth", "maxConnections", "patience", "onDecision"],
  ...["neighbours"],
  ...["mode", "publish"],
];

/**
 * Lets a sandbox reach what is listed, and nothing else; with empty lists, nothing at all. Every
 * decision is in the result: {@linkcode egressReport}.
 *
 * Errors: `SpecError` for an entry that is no name or no range, and for a sandbox that has another
 * network than its own loopback; `UnsupportedError` where the kernel cannot redirect.
 */
export function egress(options: EgressOptions = {}): Plugin {
  checkKeys(options, NAME, KNOWN);
  const { bandwidth, ...session } = options;
  const { transparent } = options;
  if (bandwidth !== undefined) checkKeys(bandwidth, `${NAME}.bandwidth`, ["up", "down"]);
  const policy = options.policy ?? new EgressPolicy(options);
  const cap = { up: rate(bandwidth?.up, "up"), down: rate(bandwidth?.down, "down") };
  const sessions = new Map<number, EgressSession>();
  // The shape is checked by use(), as that of any plugin.
  return {
    name: NAME,
    // Neighbours are not reached by a proxy, and without one names lead to them or to the gate.
    configure: (spec) => prepared(spec, transparent === false || options.neighbours === undefined),
    async networkSetup(ctx) {
      const opened = await EgressSession.open(ctx.inside, { ...session, policy, bandwidth: cap });
      sessions.set(ctx.launch, opened);
      ctx.defer(() => {
        sessions.delete(ctx.launch);
        opened.close();
      });
    },
    postStop(ctx) {
      ctx.report(sessions.get(ctx.launch)?.report());
    },
  };
}

/** The decisions about a command's requests, out of its status or output. */
export function egressReport(status: Pick<SandboxStatus, "reports">): EgressReport | undefined {
  return status.reports[NAME] as EgressReport | undefined;
}

function rate(value: string | number | undefined, direction: string): number | undefined {
  // Bits, as rates of networks are; bytes are what is counted.
  return value === undefined ? undefined : parseRate(value, `egress.bandwidth.${direction}`) / 8;
}

const PROXY_URL = `http://${PROXY.address}:${PROXY.port}`;
const SOCKS_URL = `socks5h://${PROXY.address}:${PROXY.port}`;

/** What programs look at to find a proxy; both cases, for there are programs that know only one. */
const ENVIRONMENT: Record<string, string> = {
  HTTP_PROXY: PROXY_URL,
  HTTPS_PROXY: PROXY_URL,
  ALL_PROXY: SOCKS_URL,
  NO_PROXY: "localhost,127.0.0.1,::1",
  // They read no address, but say that the others are to be read.
  NODE_USE_ENV_PROXY: "1",
};

function environment(own: SandboxSpec["env"]["set"]): SandboxSpec["env"]["set"] {
  const all: SandboxSpec["env"]["set"] = {};
  for (const [name, value] of Object.entries(ENVIRONMENT)) {
    all[name] = value;
    if (name.endsWith("_PROXY") && name !== "NODE_USE_ENV_PROXY") all[name.toLowerCase()] = value;
  }
  return { ...all, ...own };
}

function prepared(spec: SandboxSpec, withProxy: boolean): SandboxSpec {
  if (spec.namespaces.net !== "new") {
    throw new SpecError(
      "egress",
      'needs a network namespace of its own, with nothing in it; use network("none")',
    );
  }
  const target = "/etc/resolv.conf";
  const contents = `nameserver ${NAME_SERVER}\n`;
  const lies = spec.namespaces.mount === "new" && !isLacking(spec.root, target);
  const mounts: MountSpec[] = lies ? [{ kind: "file", target, contents }] : [];
  return {
    ...spec,
    env: withProxy ? { ...spec.env, set: environment(spec.env.set) } : spec.env,
    mounts: [...spec.mounts, ...mounts],
  };
}

/**
 * Whether the root is a directory of the host's that has no such file, where none is made. Programs
 * then find names by the proxy only.
 */
function isLacking(root: SandboxSpec["root"], target: string): boolean {
  if (typeof root !== "object" || !("path" in root) || root.ephemeral) return false;
  if (typeof root.path !== "string") return false;
  try {
    Deno.statSync(`${root.path}${target}`);
    return false;
  } catch {
    return true;
  }
}
