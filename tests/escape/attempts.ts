/**
 * All attempts. A new one goes to the file of its subject in `attempts/`, and into the table of
 * docs/security.md.
 *
 * @module
 */

import type { Attempt } from "./attack.ts";
import { FILES } from "./attempts/files.ts";
import { IDENTITY } from "./attempts/identity.ts";
import { KERNEL } from "./attempts/kernel.ts";
import { MOUNTS } from "./attempts/mounts.ts";
import { PROC } from "./attempts/proc.ts";
import { PROCESSES } from "./attempts/processes.ts";
import { SOCKETS } from "./attempts/sockets.ts";

/** In the order of the table. */
export const ATTEMPTS: readonly Attempt[] = [
  ...FILES,
  ...MOUNTS,
  ...PROC,
  ...PROCESSES,
  ...IDENTITY,
  ...SOCKETS,
  ...KERNEL,
];
