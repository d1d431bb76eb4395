/**
 * The shape of limits in a file.
 *
 * @module
 */

import { parseSize } from "../../quantity.ts";
import {
  type Check,
  dictionary,
  either,
  fail,
  flag,
  list,
  oneOf,
  record,
  size,
  text,
  whole,
} from "./checks.ts";
import { RLIMIT_NAMES } from "../values.ts";

const limit = either(whole, oneOf("unlimited"));

/** Limits of a process. */
export const rlimits: Check = record(
  Object.fromEntries(RLIMIT_NAMES.map((name) => [
    name,
    (value: unknown, field: string) =>
      typeof value === "object"
        ? record({ soft: limit, hard: limit }, ["soft", "hard"])(value, field)
        : limit(value, field),
  ])),
);

const decimal: Check = (value, field) => {
  if (typeof value !== "number") fail(field, value, "must be a number, e.g. 0.5");
};

const pages: Check = (value, field) => {
  dictionary(size)(value, field);
  for (const page of Object.keys(value as object)) parseSize(page, field);
};

/** Limits of all of a sandbox. */
export const limits: Check = record({
  memory: size,
  memoryHigh: size,
  swap: size,
  oomGroup: flag,
  cpus: decimal,
  cpuWeight: whole,
  pids: whole,
  cpuset: text,
  memoryNodes: text,
  io: list(
    record({ device: text, rbps: size, wbps: size, riops: whole, wiops: whole }, ["device"]),
  ),
  ioWeight: whole,
  hugetlb: pages,
  parent: text,
});
