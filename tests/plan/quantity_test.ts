import { assertEquals, assertThrows } from "@std/assert";
import { SpecError } from "../../lib/errors.ts";
import { parseDuration, parseMode, parseSize } from "../../lib/quantity.ts";

function pure(name: string, fn: () => void): void {
  Deno.test({ name, permissions: "none", fn });
}

/** Each of these values is an error that names the field and quotes the value. */
function assertRefuses(
  parse: (value: string | number, field: string) => number,
  values: unknown[],
): void {
  for (const value of values) {
    const error = assertThrows(() => parse(value as string, "a.field"), SpecError, `"${value}"`);
    assertEquals(error.field, "a.field");
  }
}

pure("parseSize: a number is bytes, letters are binary multiples", () => {
  const cases: [string | number, number][] = [
    [0, 0],
    [4096, 4096],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ["0", 0],
    ["4096", 4096],
    ["512B", 512],
    ["1K", 1024],
    ["64M", 64 * 2 ** 20],
    ["64m", 64 * 2 ** 20],
    ["64MB", 64 * 2 ** 20],
    ["64MiB", 64 * 2 ** 20],
    ["1.5G", 1.5 * 2 ** 30],
    ["2T", 2 * 2 ** 40],
    ["0.3K", 307],
  ];
  for (const [text, bytes] of cases) assertEquals(parseSize(text, "size"), bytes, String(text));
});

pure("parseSize refuses what is no size", () => {
  const wrong = [-1, NaN, Infinity, "", "M", "64X", "-1M", " 64M", "64 M", "1e3", "1,5G", "0x10"];
  assertRefuses(parseSize, [...wrong, null, undefined, true, "9".repeat(20), "9000000000T"]);
});

pure("parseDuration: a number is milliseconds, a text has a unit", () => {
  const cases: [string | number, number][] = [
    [0, 0],
    [1500, 1500],
    [-1, -1],
    ["250ms", 250],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["-1h", -3_600_000],
    ["2d", 172_800_000],
  ];
  for (const [text, time] of cases) assertEquals(parseDuration(text, "time"), time, String(text));
});

pure("parseDuration refuses what is no time", () => {
  const wrong = [NaN, Infinity, "", "s", "30", "30S", "30 s", "1h30m", "+1s", "1w", "5M", ".5s"];
  assertRefuses(parseDuration, [...wrong, null, undefined, false]);
});

pure("parseMode: texts are octal, numbers are themselves", () => {
  const cases: [string | number, number][] = [
    [0, 0],
    [0o755, 0o755],
    [0o7777, 0o7777],
    ["0", 0],
    ["22", 0o22],
    ["755", 0o755],
    ["0755", 0o755],
    ["1777", 0o1777],
    ["07777", 0o7777],
  ];
  for (const [text, mode] of cases) assertEquals(parseMode(text, "mode"), mode, String(text));
});

pure("parseMode refuses what is no mode", () => {
  const wrong = [-1, 0o10000, 1.5, NaN, "", "8", "0o755", "rwxr-xr-x", "77777", "-755", " 755"];
  assertRefuses(parseMode, [...wrong, null, undefined, true]);
});
