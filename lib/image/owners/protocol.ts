/**
 * What this program and the one that works for other owners say to each other.
 *
 * @module
 */

/** What the worker is asked for: a verb, and what it needs. */
export interface WorkRequest {
  verb: "import" | "remove" | "compare" | "archive" | "commit" | "apply";
  [key: string]: unknown;
}

/** A line that the worker writes. */
export type WorkReply =
  | { progress: [number, number | undefined] }
  | { result: unknown }
  | { error: { name: string; message: string; subject?: string } };
