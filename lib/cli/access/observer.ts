/**
 * Sees which files and hosts a command names in its system calls, before each call is made. It
 * decides nothing: what the calls get is the sandbox's business.
 *
 * @module
 */

import type { ObservedCall } from "../../run/supervised_call.ts";
import { SpecError } from "../../errors.ts";
import type { Sandbox } from "../../sandbox.ts";
import type { FilterableCall, SandboxSpec, SeccompPolicy } from "../../spec.ts";
import { AT_FDCWD } from "../../sys/abi/fcntl.ts";
import { type Access, FILE_CALLS, openAccess } from "./calls.ts";
import { kindAt, placeIn, shownPlaces, walk } from "./places.ts";

/** A file of the host's that was named. */
export interface Seen {
  /** Its path inside, without links. */
  readonly path: string;
  /** Its path on the host. */
  readonly host: string;
  /** What was done, or tried. */
  readonly access: Set<Access>;
  /** What it was when it was first named. */
  readonly kind: ReturnType<typeof kindAt>;
  /** Whether the description lets it be written. */
  readonly writable: boolean;
  /** Whether it was seen inside when it was named; what is on the host and was not is refused. */
  readonly shown: boolean;
}

/** All that was seen. */
export class AccessLog {
  /** By their paths inside. */
  readonly files = new Map<string, Seen>();
  /** Links on the way, with what they say. */
  readonly links = new Map<string, string>();
  /** Addresses that were to be connected to. */
  readonly hosts = new Set<string>();
  readonly #shown: ReturnType<typeof shownPlaces>;
  readonly #known = new Set<string>();

  /** Takes the description of the sandbox. */
  constructor(spec: SandboxSpec) {
    this.#shown = shownPlaces(spec);
  }

  /** A file was named. */
  file(given: string, access: Access, root?: string): void {
    const key = `${access} ${given}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const { path, links } = walk(given, this.#shown, access !== "change" && access !== "make");
    for (const [link, to] of links) this.links.set(link, to);
    const { host, writable } = placeIn(this.#shown, path);
    if (host === undefined) return;
    const before = this.files.get(path);
    const kind = before === undefined ? kindAt(host) : before.kind;
    // To make what is there already fails, and changes nothing.
    if (access === "make") access = kind === undefined ? "change" : "look";
    if (before !== undefined) {
      before.access.add(access);
      return;
    }
    const shown = root === undefined || kindAt(`${root}${path}`) !== undefined;
    this.files.set(path, { path, host, access: new Set([access]), kind, writable, shown });
  }

  /** A call is about to be made. */
  call(call: ObservedCall): void {
    if (call.name === "connect") {
      const address = call.socketAddress(1, 2) as {
        family: string;
        address?: string;
        port?: number;
        path?: string;
      };
      if (address.port !== undefined) this.hosts.add(`${address.address}:${address.port}`);
      else if (address.path !== undefined) this.#name(call, address.path, "write");
      return;
    }
    for (const { directory, path, access } of FILE_CALLS.get(call.name) ?? []) {
      // utimensat without a path is about its descriptor.
      if (call.arguments[path] === 0n) continue;
      const name = call.path(path);
      if (name === "") continue;
      const what = typeof access === "string" ? access : openAccess(call.int(access.flags));
      this.#name(call, name, what, directory === undefined ? AT_FDCWD : call.int(directory));
    }
  }

  #name(call: ObservedCall, name: string, access: Access, directory = AT_FDCWD): void {
    const root = `/proc/${call.pid}/root`;
    if (name.startsWith("/")) return this.file(name, access, root);
    const link = directory === AT_FDCWD ? "cwd" : `fd/${directory}`;
    this.file(`${Deno.readLinkSync(`/proc/${call.pid}/${link}`)}/${name}`, access, root);
  }
}

/** The sandbox with somebody who sees, and what is seen; `denied`: also what its filter denies. */
export function observed(box: Sandbox, denied: boolean): { box: Sandbox; log: AccessLog } {
  const { spec } = box;
  const log = new AccessLog(spec);
  const profile = spec.seccomp?.profile ?? "none";
  if (profile !== "default" && profile !== "none") {
    // The rule that asks would come before those that deny.
    throw new SpecError("seccomp", "what is seen goes with the default profile, or with none");
  }
  const calls = [...FILE_CALLS.keys(), "connect"] as FilterableCall[];
  const policy: SeccompPolicy = {
    ...(profile === "default" ? { extend: "default" } : { otherwise: "allow" }),
    rules: [{ calls, action: "notify" }],
  };
  const observe = (call: ObservedCall) => {
    try {
      log.call(call);
    } catch { /* its memory is not there, or the process has ended: the call will fail */ }
  };
  return { box: box.seccomp(policy, { log: denied || spec.seccomp?.log === true, observe }), log };
}
