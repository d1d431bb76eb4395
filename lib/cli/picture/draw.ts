/**
 * `--explain=svg` and `--explain=mermaid`.
 *
 * @module
 */

import type { Plugin } from "../../hook.ts";
import type { Plan } from "../../run/plan_view.ts";
import type { SandboxSpec } from "../../spec.ts";
import { mermaid } from "./mermaid.ts";
import { sceneOf } from "./scene.ts";
import { svg } from "./svg.ts";

/** A sandbox as a picture. */
export function draw(
  kind: "svg" | "mermaid",
  spec: SandboxSpec,
  plan: Plan,
  command: readonly (string | Uint8Array)[],
  plugins: readonly Pick<Plugin, "name">[],
): string {
  const scene = sceneOf(spec, plan, command, plugins, Deno.uid() ?? 0);
  return kind === "svg" ? svg(scene) : mermaid(scene);
}
