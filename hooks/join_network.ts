/**
 * The network mode `join`: the sandbox is in a network that exists already: one of ip-netns(8), or
 * that of another sandbox or process.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().network("join", { target: "blue" }); // ip netns add blue
 * console.log(box.spec.namespaces.net); // { join: "/run/netns/blue" }
 * ```
 *
 * @module
 */

import { defineHook, type JoinNetwork, type Plugin } from "../mod.ts";
import {
  close,
  fileStatus,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  openInRoot,
  read,
  S_IFMT,
  S_IFREG,
} from "../lib/sys/mod.ts"; // in your project: "@paddock/paddock/sys"
import { withNameFiles } from "../lib/net/mod.ts"; // "@paddock/paddock/net"

const LARGEST_FILE = 64 * 1024;

/**
 * Gives a sandbox that joins a network the names that are known there: those of `/etc/netns/NAME`
 * for a network of ip-netns(8), those of the process for a process, else the host's.
 */
export function joinNetwork({ target }: Pick<JoinNetwork, "target">): Plugin {
  return defineHook({
    name: "join",
    configure(spec) {
      const known = reader(target);
      return withNameFiles(spec, {
        hosts: known("hosts"),
        resolvConf: known("resolv.conf") ?? text(() => Deno.readFileSync("/etc/resolv.conf")),
      });
    },
  });
}

function reader(target: JoinNetwork["target"]): (name: string) => string | undefined {
  if (typeof target === "object" && "pid" in target) {
    return (name) => text(() => readInRoot(target.pid, `/etc/${name}`));
  }
  const named = typeof target === "string"
    ? /^(?:\/(?:var\/)?run\/netns\/)?([^/]+)$/.exec(target)
    : null;
  if (named === null) return () => undefined;
  return (name) => text(() => Deno.readFileSync(`/etc/netns/${named[1]}/${name}`));
}

/** A file as a process sees it. What it sees may be its own making, so no link leads out of it. */
function readInRoot(pid: number, path: string): Uint8Array {
  const root = open(`/proc/${pid}/root`, { flags: O_PATH | O_DIRECTORY });
  try {
    const fd = openInRoot(root, path, { flags: O_RDONLY | O_NONBLOCK });
    try {
      // A FIFO or a device could keep this program waiting.
      if ((fileStatus(fd).mode & S_IFMT) !== S_IFREG) throw new TypeError("not a regular file");
      const bytes = new Uint8Array(LARGEST_FILE + 1);
      return bytes.subarray(0, read(fd, bytes));
    } finally {
      close(fd);
    }
  } finally {
    close(root);
  }
}

function text(reading: () => Uint8Array): string | undefined {
  try {
    const bytes = reading();
    return bytes.length > LARGEST_FILE ? undefined : new TextDecoder().decode(bytes);
  } catch {
    return undefined; // it is not there, or not for this user
  }
}
