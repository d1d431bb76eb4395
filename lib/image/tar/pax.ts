/**
 * The records of a PAX header: what does not fit into the 512 bytes. pax(1), "pax Interchange
 * Format".
 *
 * @module
 */

import { ArchiveError } from "../../errors.ts";
import { byteString, exactByteString, shown } from "../byte_string.ts";

/** `[key, value]`, both in bytes, in the archive's order: GNU's sparse format repeats keys. */
export type PaxRecord = [key: string, value: string];

/** Reads `LENGTH KEY=VALUE\n` one after the other. */
export function parsePax(body: Uint8Array, entry: string): PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < body.length) {
    const blank = body.indexOf(0x20, at);
    const digits = blank < 0 || blank - at > 10 ? "" : byteString(body, at, blank);
    const end = at + Number(digits);
    const equals = body.indexOf(0x3d, blank);
    // Each of these is a way for two programs to read two different archives.
    if (
      !/^[1-9][0-9]*$/.test(digits) || end > body.length || end <= blank + 1 ||
      body[end - 1] !== 0x0a || equals < 0 || equals >= end - 1 || equals === blank + 1
    ) {
      throw new ArchiveError(entry, "its extended header is malformed");
    }
    records.push([
      exactByteString(body.subarray(blank + 1, equals)),
      exactByteString(body.subarray(equals + 1, end - 1)),
    ]);
    at = end;
  }
  return records;
}

/** A number of a record. */
export function paxNumber(key: string, value: string, entry: string): number {
  const number = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new ArchiveError(entry, `its ${key}, "${shown(value)}", is not a number`);
}

/** A time of a record, as seconds (rounded down) and nanoseconds. */
export function paxTime(value: string, entry: string): { seconds: number; nanoseconds: number } {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value);
  if (!match) throw new ArchiveError(entry, `its mtime, "${shown(value)}", is not a time`);
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
}
