/**
 * Reads a pod's file.
 *
 * @module
 */

import { dirname, resolve } from "@std/path";
import { SpecError } from "../../errors.ts";
import type { PodOptions } from "../../run/pod_options.ts";
import type { Sandbox } from "../../sandbox.ts";
import { checkShape } from "../../schema/check.ts";
import type { TypeOf } from "../../schema/node.ts";
import { POD } from "../../schema/pod.ts";
import { withEnvironment } from "../file/environment.ts";
import { placed } from "../file/load.ts";
import { located } from "../file/locate.ts";
import { parseYaml, type YamlDocument, YamlError } from "../file/yaml.ts";
import { sandboxFrom } from "../spec_file.ts";

/** When a member's command is started again. */
export type Restart = "no" | "on-failure" | "always";

/** A member as its file describes it. */
export interface MemberPlan {
  readonly name: string;
  readonly box: Sandbox;
  /** Modules with hooks, to be loaded. */
  readonly hooks: readonly string[];
  readonly restart: Restart;
}

/** What a file holds. */
export interface PodFile {
  readonly options: PodOptions;
  readonly members: readonly MemberPlan[];
}

function parsed(path: string): YamlDocument {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "it is not there" : String(error);
    throw new SpecError("--file", `"${path}" cannot be read: ${why}`);
  }
  try {
    return parseYaml(text, path);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new SpecError(`${path}:${error.line}:${error.column}`, error.message);
  }
}

/** A name goes in front of each line, and nothing else should look like it. */
const NAME = /^[a-zA-Z0-9][\w.-]{0,31}$/;

function memberOf(name: string, described: unknown, folder: string): MemberPlan {
  const field = `members.${name}`;
  if (!NAME.test(name)) {
    throw new SpecError(field, "a member's name is 1 to 32 letters, digits, `.`, `_` and `-`");
  }
  const { restart = "no", ...spec } = described as { restart?: Restart };
  try {
    const { box, hooks } = sandboxFrom(spec, folder);
    if (box.spec.tty) throw new SpecError("tty", "a member's output is a pipe; leave it out");
    return { name, box, hooks, restart };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError(
      `${field}.${error.field}`,
      error.message.slice(error.field.length + 2),
    );
  }
}

/** Reads a pod and its members. An error names the line that it is about. */
export function readPodFile(path: string): PodFile {
  const { value, origin } = parsed(path);
  const folder = dirname(resolve(path));
  try {
    const filled = withEnvironment(value, "", Deno.env.get);
    checkShape(POD, filled, "", { file: true });
    const { members, ...options } = located(POD, filled, "", folder) as TypeOf<typeof POD>;
    const plans = Object.entries(members).map(([name, spec]) => memberOf(name, spec, folder));
    if (plans.length === 0) throw new SpecError("members", "there are none; name one at least");
    return { options: options as PodOptions, members: plans };
  } catch (error) {
    throw error instanceof SpecError ? placed(error, origin) : error;
  }
}
