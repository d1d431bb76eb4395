/**
 * The network mode `pasta`: what the host reaches, the sandbox reaches, without root. The program
 * `pasta` of the package passt is its network card.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * // The same as .use(pasta()) with a net namespace of its own.
 * const box = sandbox().network("pasta").publish("8080:80");
 * console.log(box.spec.network?.mode); // pasta
 * ```
 *
 * @module
 */

import {
  checkKeys,
  defineHook,
  type Inside,
  type Network,
  type PastaNetwork,
  type Plugin,
  Sandbox,
  SandboxError,
  type SandboxProcess,
  UnsupportedError,
} from "../mod.ts";
import {
  hostNameservers,
  hostsFile,
  openInside,
  STUB_RESOLV_CONF,
  StubResolver,
  withNameFiles,
} from "../lib/net/mod.ts"; // in your project: "@paddock/paddock/net"
import {
  AF_INET,
  check,
  close,
  NS_GET_USERNS,
  O_RDWR,
  open,
  SIOCGSKNS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  syscall,
} from "../lib/sys/mod.ts"; // "@paddock/paddock/sys"

const DEVICE = "eth0";
/** What it needs of root to enter the sandbox's namespaces; there it has others of its own. */
const ROOT_NEEDS = [
  "CAP_SYS_ADMIN",
  "CAP_NET_ADMIN",
  "CAP_SETUID",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SYS_PTRACE",
  "CAP_DAC_OVERRIDE",
] as const;
const PATIENCE_MILLISECONDS = 10_000;

/** Nothing is forwarded by itself, and the gateway's address is not the host's loopback. */
const OPTIONS = [
  "--config-net",
  "--no-map-gw",
  ...["--tcp-ports", "none", "--udp-ports", "none"],
  ...["--tcp-ns", "none", "--udp-ns", "none"],
  ...["--ns-ifname", DEVICE],
  "--foreground",
  "--quiet",
];

/**
 * Connects a sandbox by `pasta`, which is started for it and ends with it. Published ports are
 * opened by the plugin `publish`, not by pasta. The gateway's address does not lead to the host's
 * loopback device (`--no-map-gw`, always).
 *
 * Errors: `UnsupportedError` where the program is missing.
 */
export function pasta(options: Omit<PastaNetwork, "mode"> = {}): Plugin {
  // The last three are for others of `network()`, which hands all of it on.
  checkKeys(options, "pasta", ["nameservers", "mode", "publish", "bandwidth"]);
  const { nameservers } = options;
  return defineHook({
    name: "pasta",
    configure(spec) {
      return withNameFiles(spec, { hosts: hostsFile(spec.hostname), resolvConf: STUB_RESOLV_CONF });
    },
    async networkSetup({ inside, defer, signal }) {
      const program = findProgram();
      checkTun();
      const net = await namespace(inside);
      defer(() => close(net));
      const user = check(syscall("ioctl", net, NS_GET_USERNS), "ioctl", { flags: "NS_GET_USERNS" });
      defer(() => close(user));
      const card = await start(program, net, user);
      defer(() => card[Symbol.asyncDispose]());
      await ready(inside, card, signal);
      const sockets = await openInside(inside);
      sockets.netlink.close();
      const resolver = StubResolver.open(sockets, {
        names: () => undefined,
        nameservers: nameservers ?? hostNameservers(),
      });
      defer(() => resolver[Symbol.dispose]());
    },
  });
}

function findProgram(): string {
  for (const folder of ["/usr/bin", "/usr/local/bin", "/bin"]) {
    try {
      if (Deno.statSync(`${folder}/pasta`).isFile) return `${folder}/pasta`;
    } catch { /* in the next one, perhaps */ }
  }
  throw new UnsupportedError(
    'network mode "pasta"',
    "the program pasta is not here; install the package passt",
  );
}

/** The kernel asks for the rights of this file, not only for those over the namespace. */
function checkTun(): void {
  try {
    close(open("/dev/net/tun", { flags: O_RDWR }));
  } catch (cause) {
    throw new UnsupportedError(
      'network mode "pasta"',
      "you may not open /dev/net/tun; let root do `modprobe tun` and `chmod 0666 /dev/net/tun`, which is how most systems have it",
      { cause },
    );
  }
}

/** The sandbox's network namespace. Its `/proc` files are closed to an ordinary user by now. */
async function namespace(inside: Inside): Promise<number> {
  const { fds } = await inside.run({
    operations: [
      { call: "socket", args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0], store: "socket" },
      { call: "ioctl", args: [{ load32: "socket" }, SIOCGSKNS, 0], store: "net" },
      { call: "close", args: [{ load32: "socket" }] },
    ],
    send: ["net"],
  });
  return fds[0]!;
}

/**
 * Starts it as a command of a sandbox that is none: it shares everything with the host, and ends
 * with this program, also when that is killed.
 */
function start(program: string, net: number, user: number): Promise<SandboxProcess> {
  const root = Deno.uid() === 0;
  const box = Sandbox.empty().newSession().env("PATH", "/usr/bin:/bin");
  const command = [
    program,
    ...OPTIONS,
    // As nobody it could not open the namespaces of root's sandbox.
    ...(root ? ["--runas", "0"] : []),
    // The namespaces come as its standard input and output: by now their files below /proc belong to
    // a process that may not be looked at.
    ...["--netns", "/proc/self/fd/0", "--userns", "/proc/self/fd/1"],
  ];
  return (root ? box.capabilities(ROOT_NEEDS) : box)
    .spawn(command, { stdin: net, stdout: user, stderr: "piped" });
}

/** Waits until the device has its address and its route. */
async function ready(
  inside: Network,
  card: SandboxProcess,
  signal: AbortSignal,
): Promise<void> {
  let ended = false;
  card.status.then(() => ended = true, () => ended = true);
  const end = performance.now() + PATIENCE_MILLISECONDS;
  for (let pause = 1; performance.now() < end; pause = Math.min(pause * 1.5, 20)) {
    signal.throwIfAborted();
    if (ended) {
      const text = await new Response(card.stderr).text();
      throw new SandboxError(
        `pasta could not connect the sandbox: ${text.trim() || "no reason given"}`,
      );
    }
    const routes = await inside.route.list(254);
    if (routes.some(({ to }) => to === "default")) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
  throw new SandboxError(`pasta was not ready after ${PATIENCE_MILLISECONDS / 1000} s`);
}
