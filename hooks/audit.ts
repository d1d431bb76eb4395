/**
 * A plugin that writes down who ran what, and how it ended: a line of JSON for each, appended to a
 * file.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { audit } from "@paddock/paddock/hooks/audit";
 *
 * const file = await Deno.makeTempFile(); // yours would be "/var/log/paddock.jsonl"
 * await sandbox().use(audit(file)).output(["true"]);
 * console.log((await Deno.readTextFile(file)).trim().split("\n").length); // 2
 * ```
 *
 * @module
 */

import { defineHook, type Plugin, type SandboxSpec, type Usage } from "../mod.ts";

/** What is written down. */
export type AuditRecord =
  & {
    /** When, in ISO 8601. */
    readonly time: string;
    /** Tells the lines of one launch from those of others: the writer's pid and a number. */
    readonly launch: string;
    /** Who started it. */
    readonly uid: number;
  }
  & (
    | {
      readonly event: "start";
      /** The command's process, as the host numbers it; null for one that has ended already. */
      readonly pid: number | null;
      /** What the sandbox was made of. Contents of files and values of variables are left out. */
      readonly spec: AuditedSpec;
    }
    | {
      readonly event: "end";
      readonly code: number;
      readonly signal: string | null;
      readonly oomKilled: boolean;
      readonly timedOut: boolean;
      readonly usage: Usage;
    }
  );

/** A description without what may be secret. */
export interface AuditedSpec extends Omit<SandboxSpec, "env" | "mounts"> {
  /** The names of the variables. */
  readonly env: readonly string[];
  /** The mounts without the contents of files. */
  readonly mounts: readonly Record<string, unknown>[];
}

/**
 * Appends a record when the command runs and one when it has ended: to a file, which is made for its
 * owner alone, or to a function. A line is written at once, so several programs may share a file.
 * A launch that fails before its command runs is not written down.
 *
 * Errors: where the record of the start cannot be written, the launch fails: what is not written
 * down does not run on.
 */
export function audit(to: string | URL | ((record: AuditRecord) => void)): Plugin {
  const write = typeof to === "function"
    ? to
    : (record: AuditRecord) =>
      Deno.writeTextFileSync(to, `${JSON.stringify(record)}\n`, { append: true, mode: 0o600 });
  const common = (launch: number) => ({
    time: new Date().toISOString(),
    launch: `${Deno.pid}.${launch}`,
    uid: Deno.uid() ?? 0,
  });
  return defineHook({
    name: "audit",
    postStart: {
      order: "pre",
      handler({ launch, pid, spec }) {
        write({ ...common(launch), event: "start", pid: pid ?? null, spec: withoutSecrets(spec) });
      },
    },
    postStop: {
      order: "post",
      handler({ launch, status: { code, signal }, oomKilled, timedOut, usage }) {
        write({ ...common(launch), event: "end", code, signal, oomKilled, timedOut, usage });
      },
    },
  });
}

function withoutSecrets({ env, mounts, ...rest }: SandboxSpec): AuditedSpec {
  return {
    ...rest,
    env: Object.keys(env.set),
    mounts: mounts.map((mount) => {
      const { contents, ...others } = { contents: undefined, ...mount };
      return contents === undefined ? others : { ...others, bytes: contents.length };
    }),
  };
}
