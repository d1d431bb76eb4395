/**
 * `--preset`: a policy that the other options come on top of.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { type Preset, readOnlyHost, scratch, workspace } from "../presets.ts";

const NAMES = ["read-only-host", "scratch", "workspace"];

/** The preset of a value: `read-only-host`, `scratch` or `workspace=DIR`. */
export function presetOf(value: string): Preset {
  const [name, directory] = value.split(/=(.*)/s);
  if (name === "workspace" && directory) return workspace(directory);
  if (directory === undefined) {
    if (name === "read-only-host") return readOnlyHost();
    if (name === "scratch") return scratch();
  }
  if (name === "workspace") {
    throw new SpecError("--preset", '"workspace" needs its directory; write e.g. workspace=.');
  }
  if (NAMES.includes(name!)) throw new SpecError("--preset", `"${name}" takes no directory`);
  const near = nearest(name!, NAMES);
  throw new SpecError(
    "--preset",
    `"${value}" is none of read-only-host, scratch, workspace=DIR${
      near === undefined ? "" : `; did you mean ${near}?`
    }`,
  );
}
