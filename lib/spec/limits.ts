/**
 * How much a sandbox may use.
 *
 * @module
 */

/** The names of the resource limits. getrlimit(2). */
export type RlimitName =
  | "as"
  | "core"
  | "cpu"
  | "data"
  | "fsize"
  | "locks"
  | "memlock"
  | "msgqueue"
  | "nice"
  | "nofile"
  | "nproc"
  | "rss"
  | "rtprio"
  | "rttime"
  | "sigpending"
  | "stack";

/** A soft and a hard limit; a number stands for both. `"unlimited"` lifts it. */
export type RlimitValue = number | "unlimited" | {
  soft: number | "unlimited";
  hard: number | "unlimited";
};
