/**
 * Network namespaces of the tests' own: this thread enters a new one for as long as a synchronous
 * function runs, so that nothing ever touches the machine's network.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { CLONE_NEWNET, close, open, setns, unshare } from "../../lib/sys/mod.ts";

/** Runs `use` in a new network namespace; it must not wait for anything. Needs root. */
export function inNewNetwork<T>(use: () => T): T {
  const home = open("/proc/thread-self/ns/net");
  try {
    unshare(CLONE_NEWNET);
    try {
      return use();
    } finally {
      setns(home, CLONE_NEWNET);
    }
  } finally {
    close(home);
  }
}

/** A new network namespace as a descriptor, the caller's to close. Needs root. */
export function newNetwork(): number {
  return inNewNetwork(() => open("/proc/thread-self/ns/net"));
}

/** Runs `use` in a network namespace that exists; it must not wait for anything. */
export function inNetwork<T>(fd: number, use: () => T): T {
  const home = open("/proc/thread-self/ns/net");
  try {
    setns(fd, CLONE_NEWNET);
    try {
      return use();
    } finally {
      setns(home, CLONE_NEWNET);
    }
  } finally {
    close(home);
  }
}

/** Runs a program in this thread's namespace; it must succeed: what it wrote. */
export function tool(...words: string[]): string {
  const { code, stdout, stderr } = new Deno.Command(words[0]!, { args: words.slice(1) })
    .outputSync();
  const decoder = new TextDecoder();
  assertEquals({ code, stderr: decoder.decode(stderr) }, { code: 0, stderr: "" }, words.join(" "));
  return decoder.decode(stdout);
}

/** What `ip -d -j` says, e.g. `ip("link", "show", "dev", "eth0")`. */
// deno-lint-ignore no-explicit-any
export function ip(...words: string[]): any[] {
  return JSON.parse(tool("ip", "-d", "-j", ...words) || "[]");
}

/** Whether this kernel makes devices of a kind; a module may be missing. */
export function kernelHas(kind: string, ...settings: string[]): boolean {
  try {
    const words = ["-Urn", "ip", "link", "add", "name", "probe", "type", kind, ...settings];
    return new Deno.Command("unshare", { args: words, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
