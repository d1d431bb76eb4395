/**
 * Probes of networks. What is made is made in a sandbox's own network namespace.
 *
 * @module
 */

import { defineHook, type Inside } from "../hook.ts";
import { sandbox } from "../sandbox.ts";
import type { Network } from "../net/network.ts";
import { type Finds, type Probe, reasonOf, refused, works } from "./finding.ts";

/** Runs something on a sandbox's network, with all capabilities over it. */
async function within(use: (network: Network) => Promise<void>): Promise<void> {
  await sandbox().timeout("20s").use(defineHook({
    name: "probe",
    async networkSetup({ inside }: { inside: Inside & Network }) {
      await use(inside);
    },
  })).output(["/bin/sh", "-c", ":"]);
}

async function links(): Promise<Finds> {
  try {
    await within(async (inside) => {
      await inside.link.add({ kind: "bridge", name: "probe0" });
      await inside.link.add({ kind: "veth", name: "probe1", peer: { name: "probe2" } });
    });
    return works("a bridge and a pair of devices were made");
  } catch (error) {
    return {
      status: "missing",
      detail: reasonOf(error),
      cost: "no --network bridge, and no --allow-domain",
      remedy: "sudo modprobe -a bridge veth",
    };
  }
}

function installed(program: string): string | undefined {
  const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return [...Deno.env.get("PATH")?.split(":") ?? [], ...folders]
    .map((folder) => `${folder}/${program}`).find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
}

async function bridge(): Promise<Finds> {
  const path = installed("nft");
  const cost = "no --network bridge";
  if (path === undefined) {
    return {
      status: "missing",
      detail: "the program nft is not here",
      cost,
      remedy: "sudo apt install nftables",
    };
  }
  if (Deno.uid() !== 0) {
    return {
      status: "limited",
      detail: `${path} is here, but a bridge is root's`,
      cost,
      remedy: "run as root, or take --network pasta",
    };
  }
  const { success, stderr } = await new Deno.Command(path, {
    args: ["--check", "add table inet paddock_probe"],
    stdin: "null",
    stdout: "null",
  }).output();
  if (success) return works(`${path} answers, and this is root`);
  return {
    status: "missing",
    detail: new TextDecoder().decode(stderr).split("\n")[0]!,
    cost,
    remedy: "sudo modprobe nf_tables",
  };
}

async function pasta(): Promise<Finds> {
  const cost = "no --network pasta, the network of an ordinary user";
  const path = installed("pasta");
  if (path === undefined) {
    return {
      status: "missing",
      detail: "the program pasta is not here",
      cost,
      remedy: "sudo apt install passt",
    };
  }
  try {
    await sandbox().timeout("20s").network("pasta").output(["/bin/sh", "-c", ":"]);
    return works(`${path} connected a sandbox`);
  } catch (error) {
    return refused(error, cost, "see what pasta says without --quiet");
  }
}

function tunnel(): Finds {
  try {
    Deno.openSync("/dev/net/tun", { read: true, write: true }).close();
    return works("/dev/net/tun can be opened");
  } catch (error) {
    return {
      status: "missing",
      detail: reasonOf(error),
      cost: "no --network pasta",
      remedy: error instanceof Deno.errors.PermissionDenied
        ? "sudo chmod 0666 /dev/net/tun"
        : "sudo modprobe tun; in a container: --device /dev/net/tun",
    };
  }
}

async function gate(): Promise<Finds> {
  try {
    const network = { mode: "none", allowDomains: ["localhost"] } as const;
    await sandbox().timeout("20s").network(network).output(["/bin/sh", "-c", ":"]);
    return works("a sandbox got one");
  } catch (error) {
    const cost = "no --allow-domain and --allow-address";
    return refused(error, cost, "sudo modprobe -a nf_tables nft_tproxy");
  }
}

/** In their order. */
export const NETWORKS: readonly Probe[] = [
  { id: "gate", needs: "sandbox", group: "Network", title: "a gate by names", look: gate },
  {
    id: "links",
    needs: "sandbox",
    group: "Network",
    title: "bridges and their devices",
    look: links,
  },
  { id: "nft", group: "Network", title: "a bridge on the host", look: bridge },
  { id: "tun", group: "Network", title: "tunnel devices", look: tunnel },
  { id: "pasta", needs: "sandbox", group: "Network", title: "pasta", look: pasta },
];
