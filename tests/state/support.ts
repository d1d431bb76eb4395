/**
 * What the tests of the state directory share.
 *
 * @module
 */

import { DEFAULT_SPEC } from "../../lib/defaults.ts";
import { identityOf, ownPidNamespace } from "../../lib/state/identity.ts";
import type { SandboxRecord } from "../../lib/state/record.ts";

/** A record as a program writes it that is about to start a sandbox. */
export function sampleRecord(change: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    version: 1,
    id: "0123456789abcdef",
    created: 1_700_000_000_000,
    owner: Deno.uid()!,
    pidNamespace: ownPidNamespace(),
    argv: ["sleep", "60"],
    starter: identityOf(Deno.pid),
    namespaces: {},
    entrance: { held: [], preMount: false },
    cgroups: [],
    cgroupLayout: [],
    counted: [],
    spec: structuredClone(DEFAULT_SPEC),
    facts: { uid: Deno.uid()!, gid: Deno.gid()!, umask: 0o022 },
    environment: ["PATH=/bin"],
    logs: { stdout: "/nowhere/stdout.log", stderr: "/nowhere/stderr.log", size: 10, files: 2 },
    status: "/nowhere/status",
    hooks: [],
    skipped: [],
    ...change,
  };
}
