/**
 * `--report` and `--learn`: what a command touched.
 *
 * @module
 */

import type { EgressReport } from "../../net/egress/request.ts";
import type { SandboxStatus } from "../../run/child.ts";
import type { AccessLog } from "./observer.ts";

/** What went through the gate, or was refused by it: names and addresses, with their ports. */
export function gateRequests(status: SandboxStatus): { allowed: string[]; denied: string[] } {
  const report = status.reports.egress as Partial<EgressReport> | undefined;
  const of = (wanted: string) =>
    (report?.decisions ?? []).filter(({ verdict }) => verdict === wanted)
      // A name that was only looked up has no port.
      .map(({ host, port }) =>
        port === 0 ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`
      );
  return { allowed: [...new Set(of("allow"))].sort(), denied: [...new Set(of("deny"))].sort() };
}

/** What a command touched, as lists of paths inside. */
export interface AccessReport {
  /** Programs. */
  readonly executed: readonly string[];
  /** Files that were read; of others only the status was asked. */
  readonly read: readonly string[];
  /** Files and directories that were written, made, renamed or removed. */
  readonly written: readonly string[];
  /** What is on the host and was not shown, or could not be written. */
  readonly refused: readonly string[];
  /** Addresses that were connected to, or were to be, and what the gate let through. */
  readonly hosts: readonly string[];
  /** Names and addresses that the gate refused. */
  readonly refusedHosts: readonly string[];
  /** System calls that the filter denied. */
  readonly syscalls: readonly string[];
}

/** The report of a log. */
export function accessReport(log: AccessLog, status: SandboxStatus): AccessReport {
  const files = [...log.files.values()].sort((a, b) => a.path < b.path ? -1 : 1);
  const paths = (wanted: (seen: typeof files[number]) => boolean) =>
    files.filter(wanted).map(({ path }) => path);
  const writes = ({ access }: typeof files[number]) => access.has("write") || access.has("change");
  const hidden = ({ kind, shown }: typeof files[number]) => kind !== undefined && !shown;
  const refused = (seen: typeof files[number]) => hidden(seen) || (writes(seen) && !seen.writable);
  const gate = gateRequests(status);
  return {
    executed: paths((seen) =>
      seen.access.has("execute") && seen.kind !== undefined && !hidden(seen)
    ),
    read: paths((seen) =>
      seen.access.has("read") && seen.kind !== undefined && seen.kind !== "directory" &&
      !hidden(seen)
    ),
    written: paths((seen) => writes(seen) && !refused(seen)),
    refused: paths(refused),
    hosts: [...new Set([...log.hosts, ...gate.allowed])].sort(),
    refusedHosts: gate.denied,
    syscalls: (status.filteredSyscalls ?? [])
      .map(({ name, result, count }) => `${name}: ${result}, ${count} times`),
  };
}

/** The report as text. */
export function reportText(report: AccessReport): string {
  const sections: [string, readonly string[]][] = [
    ["executed", report.executed],
    ["read", report.read],
    ["written", report.written],
    ["refused", report.refused],
    ["connections", report.hosts],
    ["connections refused", report.refusedHosts],
    ["system calls denied", report.syscalls],
  ];
  return sections.map(([title, list]) =>
    `${title}: ${list.length === 0 ? "none" : ""}${list.map((entry) => `\n  ${entry}`).join("")}`
  ).join("\n");
}
