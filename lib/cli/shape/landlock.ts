/**
 * The shape of Landlock's rules in a file.
 *
 * @module
 */

import { LANDLOCK_ALLOW, LANDLOCK_SCOPES } from "../../spec/landlock.ts";
import { type Check, flag, isRecord, list, oneOf, record, text, whole } from "./checks.ts";

const allow: Check = (value, field) =>
  Array.isArray(value)
    ? list(oneOf(...LANDLOCK_ALLOW), 1)(value, field)
    : oneOf(...LANDLOCK_ALLOW)(value, field);

const rules = record({
  paths: (value, field) =>
    Array.isArray(value)
      ? list(record({ path: text, allow, optional: flag }, ["path", "allow"]))(value, field)
      : oneOf("from-mounts")(value, field),
  tcp: record({ bind: list(whole), connect: list(whole) }),
  scopes: list(oneOf(...LANDLOCK_SCOPES), 1),
  optional: flag,
});

/** `LandlockSpec`, or the word that is short for one. */
export const landlock: Check = (value, field) =>
  isRecord(value) ? rules(value, field) : oneOf("from-mounts")(value, field);
