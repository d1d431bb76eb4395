/**
 * `--preset`: a policy that the other options come on top of.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { agent, build, test } from "../presets/development.ts";
import { browser, judge, service } from "../presets/services.ts";
import { type Preset, readOnlyHost, scratch, workspace } from "../presets.ts";

/** Those with nothing to say about them. */
const PLAIN: Readonly<Record<string, () => Preset>> = {
  "read-only-host": readOnlyHost,
  scratch,
  browser,
};

/** Those that need something, with what it is called. */
const WITH: Readonly<Record<string, readonly [what: string, make: (value: string) => Preset]>> = {
  workspace: ["DIR", workspace],
  agent: ["DIR", agent],
  build: ["DIR", build],
  test: ["DIR", test],
  judge: ["META", (meta) => judge({ meta })],
  service: ["PORTS", (ports) => service({ publish: ports.split(",") })],
};

/** All of them as they are written. */
export const PRESETS: readonly string[] = [
  ...Object.keys(PLAIN),
  ...Object.entries(WITH).map(([name, [what]]) => `${name}=${what}`),
];

const EXAMPLES: Readonly<Record<string, string>> = { DIR: ".", META: "meta.txt", PORTS: "8080:80" };
const CALLED: Readonly<Record<string, string>> = {
  DIR: "directory",
  META: "result file",
  PORTS: "ports",
};

/** The preset of a value such as `scratch` or `workspace=DIR`. */
export function presetOf(value: string): Preset {
  const [name = "", given] = value.split(/=(.*)/s);
  const plain = Object.hasOwn(PLAIN, name) ? PLAIN[name] : undefined;
  if (plain !== undefined) {
    if (given === undefined) return plain();
    throw new SpecError(
      "--preset",
      `"${name}" takes no ${name === "browser" ? "value" : "directory"}`,
    );
  }
  const entry = Object.hasOwn(WITH, name) ? WITH[name] : undefined;
  if (entry !== undefined) {
    const [what, make] = entry;
    if (given) return make(given);
    throw new SpecError(
      "--preset",
      `"${name}" needs its ${CALLED[what]}; write e.g. ${name}=${EXAMPLES[what]}`,
    );
  }
  const near = nearest(name, [...Object.keys(PLAIN), ...Object.keys(WITH)]);
  throw new SpecError(
    "--preset",
    `"${value}" is none of ${PRESETS.join(", ")}${
      near === undefined ? "" : `; did you mean ${near}?`
    }`,
  );
}
