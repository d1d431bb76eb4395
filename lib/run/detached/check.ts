/**
 * What cannot outlive its program: everything that this program itself does for a sandbox while it
 * runs.
 *
 * @module
 */

import { SpecError, UnsupportedError } from "../../errors.ts";
import type { Plugin } from "../../hook.ts";
import { EGRESS_KEYS } from "../../spec/network.ts";
import type { SandboxSpec } from "../../spec.ts";
import { PATTERN_NAME } from "../../state/record.ts";
import { isEphemeral, memoryKeepsChanges } from "../ephemeral.ts";
import type { Handler } from "../supervision.ts";

/** The modes of the network that need nobody when the sandbox runs. */
const ALONE: readonly string[] = ["none", "host", "join"];

/** Refuses, by the option's name and with what to do instead. */
function refuse(field: string, why: string, instead: string): never {
  throw new SpecError(field, `${why}, and a detached sandbox outlives it; ${instead}`);
}

function checkNetwork(network: NonNullable<SandboxSpec["network"]>): void {
  const gate = EGRESS_KEYS.find((key) => key in network);
  if (gate !== undefined) {
    refuse(
      `network.${gate}`,
      "the gate is part of the program that starts the sandbox",
      'run it in the foreground, or take network("host") or a joined network',
    );
  }
  if ("publish" in network && network.publish !== undefined && network.publish.length > 0) {
    refuse(
      "network.publish",
      "published ports are forwarded by the program that starts the sandbox",
      'run it in the foreground, or take network("host")',
    );
  }
  if (!ALONE.includes(network.mode)) {
    refuse(
      "network.mode",
      `the names in the mode "${network.mode}" are answered by the program that starts the sandbox`,
      `run it in the foreground, or take one of ${ALONE.join(", ")}`,
    );
  }
}

/** Checks what can be checked before anything is done. `modules` have their plugins for later. */
export function checkDetachable(
  spec: SandboxSpec,
  plugins: readonly Plugin[],
  handler: Handler | undefined,
  modules: readonly string[],
): void {
  if (handler !== undefined) {
    refuse(
      "seccomp.handler",
      "system calls are decided by the program that starts the sandbox",
      "leave the handler out, or run it in the foreground",
    );
  }
  if (spec.seccomp?.log) {
    refuse(
      "seccomp.log",
      "what the filter denies is counted by the program that starts the sandbox",
      "leave it out, or run it in the foreground",
    );
  }
  if (spec.tty) {
    refuse(
      "tty",
      "its terminal is relayed by the program that starts the sandbox",
      "leave it out, and get a terminal in it later by `paddock exec -t`",
    );
  }
  if (spec.network !== undefined) checkNetwork(spec.network);
  const late = plugins.find(({ postStop }) => postStop !== undefined);
  if (late !== undefined && modules.length === 0) {
    refuse(
      "hooks",
      `postStop of the plugin "${late.name}" is a function of the program that starts the sandbox`,
      "put the plugin into a module and give its path as `hooks`",
    );
  }
  if (isEphemeral(spec) && !memoryKeepsChanges(spec)) {
    throw new UnsupportedError(
      "changes in memory of a detached sandbox",
      "this kernel keeps them in a directory that this program removes; from Linux 6.6 on it can",
    );
  }
}

/** Checks what a sandbox is to be called. */
export function checkName(name: string): void {
  if (PATTERN_NAME.test(name)) return;
  throw new SpecError(
    "name",
    `"${name}" must be 1 to 63 letters, digits, "_", "." and "-", and begin with a letter or digit`,
  );
}
