/**
 * What proc tells of processes and the namespaces that they are in or hold. proc_pid(5).
 *
 * @module
 */

import { NAMESPACE_FILE } from "../plan/namespace_steps.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../spec.ts";
import type { NamespaceProcess } from "./snapshot.ts";

/** A namespace that was found, and a file by which it can be opened. */
export interface Found {
  readonly type: NamespaceKind;
  readonly id: number;
  readonly path: string;
}

/** What everybody may know of a process. */
export interface Kin {
  readonly pid: number;
  readonly parent: number;
  /** Whether it is the agent, or one of the processes that the agent makes for a sandbox. */
  readonly isAgent: boolean;
}

/** A process that could be looked into. */
export interface SeenProcess extends NamespaceProcess, Kin {
  readonly namespaces: readonly Found[];
}

const KIND_OF_FILE = new Map<string, NamespaceKind>(
  NAMESPACE_KINDS.map((kind) => [NAMESPACE_FILE[kind], kind]),
);
const LINK = /^([a-z]+):\[(\d+)\]$/;

/** What a link such as `net:[4026531840]` says. */
export function parseLink(link: string): { type: NamespaceKind; id: number } | undefined {
  const [, file = "", id] = LINK.exec(link) ?? [];
  const type = KIND_OF_FILE.get(file);
  return type === undefined ? undefined : { type, id: Number(id) };
}

/** The namespace that a link leads to, or nothing: another file, or gone. */
export function foundAt(path: string): Found | undefined {
  const named = parseLink(Deno.readLinkSync(path));
  return named && { ...named, path };
}

/** Runs `read`: whether the caller may not do it is `"hidden"`, what is gone is `undefined`. */
export function unlessGone<T>(read: () => T): T | "hidden" | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return "hidden";
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}

/** The names in a folder of proc that are numbers. */
export function numbersIn(folder: string): number[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => Number(name)).filter(Number.isInteger)
    .sort((a, b) => a - b);
}

/** The namespaces of a process or a thread, by the folder of its proc. */
export function namespacesAt(folder: string): Found[] {
  return NAMESPACE_KINDS.flatMap((kind) => {
    try {
      return foundAt(`${folder}/ns/${NAMESPACE_FILE[kind]}`) ?? [];
    } catch (error) {
      // A kernel without time namespaces, or a process that is about to be gone.
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

function commandOf(folder: string, name: string): string {
  const line = Deno.readTextFileSync(`${folder}/cmdline`).replace(/\0+$/, "");
  return line === "" ? `[${name}]` : line.replaceAll("\0", " ");
}

function statusField(status: string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
}

/** A process, without its namespaces where the caller may not look into it; or nothing: it has ended. */
export function lookInto(pid: number): SeenProcess | Kin | undefined {
  const folder = `/proc/${pid}`;
  const status = readStatus(folder);
  if (status === undefined) return undefined;
  const name = statusField(status, "Name");
  const executable = unlessGone(() => Deno.readLinkSync(`${folder}/exe`)) ?? "";
  const kin: Kin = {
    pid,
    parent: Number(statusField(status, "PPid")),
    // The agent's executable is its user's secret, but its name is not.
    isAgent: executable === "hidden"
      ? name === "paddock"
      : executable.startsWith("/memfd:paddock-agent"),
  };
  const seen = unlessGone((): SeenProcess | undefined => {
    const namespaces = namespacesAt(folder);
    if (namespaces.length === 0) return undefined;
    const uid = Number(statusField(status, "Uid").split(/\s+/)[1]);
    return { ...kin, uid, command: commandOf(folder, name), namespaces };
  });
  if (seen !== "hidden") return seen;
  // The links of a process that has just ended say EACCES, too.
  return readStatus(folder) === undefined ? undefined : kin;
}

/** The status of a process that has not been reaped: a zombie keeps its user and pid namespace. */
function readStatus(folder: string): string | undefined {
  const status = unlessGone(() => Deno.readTextFileSync(`${folder}/status`));
  return status === "hidden" ? undefined : status;
}
