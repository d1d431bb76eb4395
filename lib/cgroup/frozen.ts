/**
 * Whether a cgroup stands still.
 *
 * @module
 */

import type { CgroupLayout } from "../plan/cgroup_layout.ts";
import { readText } from "./hierarchies.ts";

/** Whether what is in the cgroup in these directories was told to stand still. */
export function isFrozen(layout: CgroupLayout, paths: readonly string[]): boolean {
  return layout.some(({ version, controllers }, index) =>
    version === 2
      ? readText(`${paths[index]}/cgroup.freeze`)?.trim() === "1"
      : controllers.includes("freezer") &&
        readText(`${paths[index]}/freezer.state`)?.trim() !== "THAWED"
  );
}
