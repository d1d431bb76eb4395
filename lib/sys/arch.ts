/**
 * Which of the two supported architectures this is. Reading it needs no permission.
 *
 * @module
 */

/** The architectures Paddock has tables and an agent for, by the kernel's `uname -m` names. */
export type Arch = "x86_64" | "aarch64";

/** The architecture of the running Deno. */
export const ARCH: Arch = Deno.build.arch === "aarch64" ? "aarch64" : "x86_64";
