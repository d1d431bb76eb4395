/**
 * Who the command is, and which ids exist inside. Types only.
 *
 * @module
 */

/** A range of ids: `count` ids from `inside` on are `outside` and following. user_namespaces(7). */
export interface IdRange {
  /** The first id as seen inside of the sandbox. */
  inside: number;
  /** The first id on the host. */
  outside: number;
  /** How many; default 1. */
  count?: number;
}

/** Which ids exist inside, or `"auto"`: what `/etc/subuid` and `/etc/subgid` give the caller. */
export type IdMapSpec = "auto" | { uids: IdRange[]; gids: IdRange[] };

/** Who the command is inside. */
export interface UserSpec {
  /** User id. */
  uid: number;
  /** Group id; default: the same number as `uid`. */
  gid?: number;
  /** Supplementary groups; they must be mapped. Default: none. */
  groups?: number[];
}
