/**
 * What becomes of the changes of a command when it has ended: `--save-diff`, `--apply`, `--commit`.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { SandboxProcess, SandboxStatus } from "../run/child.ts";
import type { SandboxSpec } from "../spec.ts";
import { complain } from "./failure.ts";
import type { RunRequest } from "./run_request.ts";

/** What is done with a command that has ended, before what it changed is gone. */
export type Afterwards = (child: SandboxProcess, status: SandboxStatus) => Promise<void>;

/** The option that wants the changes, if one does. */
function wanting({ saveDiff, applyChanges, commit }: RunRequest): string | undefined {
  if (saveDiff !== undefined) return "--save-diff";
  if (applyChanges) return "--apply";
  return commit === undefined ? undefined : "--commit";
}

/** Whether the command can change the root, and somebody can tell what. */
function hasChanges(root: SandboxSpec["root"]): boolean {
  if (typeof root !== "object") return false;
  return "overlay" in root ? root.overlay.upper !== undefined : "image" in root && !root.readonly;
}

/** What is to be done with the changes; nothing, mostly. */
export function keepChanges(request: RunRequest): Afterwards | undefined {
  const option = wanting(request);
  if (option === undefined) return undefined;
  if (request.detach) {
    throw new SpecError(option, "the changes of a detached sandbox are not there at its start");
  }
  if (!hasChanges(request.box.spec.root)) {
    throw new SpecError(option, "there are no changes to keep; see --overlay-root");
  }
  const { saveDiff, applyChanges, commit } = request;
  const { root } = request.box.spec;
  if (applyChanges && typeof root === "object" && "image" in root) {
    throw new SpecError("--apply", "an image is never changed; --commit NAME makes another one");
  }
  return async (child, status) => {
    if (saveDiff !== undefined) await child.saveDiff(saveDiff);
    if (!applyChanges && commit === undefined) return;
    // What failed half-way is nothing that anybody wants to have.
    if (!status.success) {
      complain("paddock: the command did not succeed; its changes are dropped");
      return;
    }
    if (commit !== undefined) await child.commit(commit);
    if (!applyChanges) return;
    const { leftOut } = await child.applyChanges();
    if (leftOut > 0) complain(`paddock: left out ${leftOut} sockets or devices`);
  };
}
