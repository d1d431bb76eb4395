/**
 * What a killed Paddock left behind.
 *
 * @module
 */

/** Something that belongs to nobody who lives. */
export interface Leftover {
  /** What it is. */
  readonly kind: "bridge" | "cgroup" | "changes" | "firewall" | "import" | "name" | "sandbox";
  /** Its path or its name. */
  readonly name: string;
  /** How it is known that nobody needs it. */
  readonly why: string;
  /** Removes it. Throws where that cannot be done. */
  readonly remove: () => void | Promise<void>;
}
