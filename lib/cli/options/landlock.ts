/**
 * The options of `paddock run` about Landlock. They add up.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { LANDLOCK_ALLOW, LANDLOCK_SCOPES } from "../../spec/landlock.ts";
import type { LandlockPath, LandlockScope, LandlockSpec } from "../../spec.ts";
import { nearest } from "../../nearest.ts";
import type { Option } from "../options.ts";
import type { RunRequest } from "../run_request.ts";
import { insidePath, listValue } from "../values.ts";

const LANDLOCK = "Landlock (rules add up; what no rule allows is refused)";

/** Adds to the rules that there are. */
function add(run: RunRequest, change: (before: LandlockSpec) => LandlockSpec): void {
  const { landlock } = run.box.spec;
  const before = landlock === "from-mounts" ? { paths: landlock } as const : landlock ?? {};
  run.box = run.box.landlock(change(before));
}

/** A word of a list of words that are known. */
function known<Word extends string>(word: string, words: readonly string[]): Word {
  if (words.includes(word)) return word as Word;
  const near = nearest(word, words);
  throw new SpecError(
    "value",
    `"${word}" is none of ${words.join(", ")}${near ? `; did you mean ${near}?` : ""}`,
  );
}

function addPath(run: RunRequest, value: string): void {
  const at = value.lastIndexOf(":");
  if (at < 1) throw new SpecError("value", `"${value}" should be PATH:read, :execute or :write`);
  const path = insidePath(value.slice(0, at));
  const allow = listValue(value.slice(at + 1)).map((word) =>
    known<Exclude<LandlockPath["allow"], unknown[]>>(word, LANDLOCK_ALLOW)
  );
  add(run, (before) => {
    if (before.paths === "from-mounts") {
      throw new SpecError(
        "value",
        "--landlock makes the rules of the mounts; use one or the other",
      );
    }
    return { ...before, paths: [...before.paths ?? [], { path, allow }] };
  });
}

function addPort(run: RunRequest, value: string): void {
  const [, side, port] = /^(bind|connect):(\d{0,5}|none)$/.exec(value) ?? [];
  if ((side !== "bind" && side !== "connect") || !port) {
    throw new SpecError("value", `"${value}" should be bind:PORT, connect:PORT, or :none`);
  }
  const ports = port === "none" ? [] : [Number(port)];
  add(run, (before) => ({
    ...before,
    tcp: { ...before.tcp, [side]: [...before.tcp?.[side] ?? [], ...ports] },
  }));
}

/** The options. */
export const LANDLOCK_OPTIONS: readonly Option<RunRequest>[] = [
  {
    name: "landlock",
    group: LANDLOCK,
    help: "only what is mounted to be written can be written: a second wall of the same policy",
    apply: (run) => add(run, (before) => ({ ...before, paths: "from-mounts" })),
  },
  {
    name: "landlock-path",
    value: "PATH:ACCESS,..",
    group: LANDLOCK,
    help: "allow read, execute or write below a path, or a right such as make_dir",
    apply: addPath,
  },
  {
    name: "landlock-tcp",
    value: "bind|connect:PORT",
    group: LANDLOCK,
    help: "allow a TCP port, and no others on that side; connect:none allows none",
    apply: addPort,
  },
  {
    name: "landlock-scope",
    value: "SCOPE,..",
    choices: LANDLOCK_SCOPES,
    group: LANDLOCK,
    help: "keep abstract_unix_socket or signal inside",
    apply: (run, value) => {
      const scopes = listValue(value).map((word) => known<LandlockScope>(word, LANDLOCK_SCOPES));
      add(run, (before) => ({ ...before, scopes: [...before.scopes ?? [], ...scopes] }));
    },
  },
  {
    name: "landlock-optional",
    group: LANDLOCK,
    help: "go on without what this kernel's Landlock lacks; give it after the rules",
    apply: (run) => add(run, (before) => ({ ...before, optional: true })),
  },
];
