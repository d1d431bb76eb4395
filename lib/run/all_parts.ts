/**
 * Brings all optional parts of planning; imported for that alone.
 *
 * @module
 */

import { landlockRuleset } from "../landlock/ruleset.ts";
import * as cgroup from "../plan/cgroup_steps.ts";
import { checkSpec } from "../plan/check_spec.ts";
import * as keeper from "../plan/keeper_program.ts";
import * as landlock from "../plan/landlock_steps.ts";
import * as raise from "../plan/raise_steps.ts";
import * as roots from "../plan/mounts/host_root.ts";
import * as lock from "../plan/mounts/lock_steps.ts";
import { MORE_MOUNTS } from "../plan/mounts/more_mounts.ts";
import * as held from "../plan/held_steps.ts";
import { provideParts } from "../plan/optional_parts.ts";
import * as scheduling from "../plan/scheduling_steps.ts";
import * as terminal from "../plan/terminal_step.ts";
import { GUARD_FILTERS } from "../seccomp/guard_filters.ts";
import * as images from "./image_root.ts";

provideParts({
  checkSpec,
  cgroup,
  keeper,
  landlock,
  landlockRuleset,
  scheduling,
  terminal,
  held,
  raise,
  lock,
  roots,
  images,
  guardFilters: GUARD_FILTERS,
  mounts: MORE_MOUNTS,
});
