/**
 * The part of `@std/assert` that this project uses, over `node:assert/strict`.
 *
 * Deep equality and the printed difference are Node's; the names, signatures, return values and
 * the `AssertionError` class are `@std/assert`'s.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals({ a: [1, 2] }, { a: [1, 2] });
 * const error = assertThrows(() => JSON.parse("{"), SyntaxError);
 * assertEquals(error.name, "SyntaxError");
 * ```
 *
 * @module
 */

import { AssertionError as Difference, deepStrictEqual } from "node:assert/strict";

/** Above this many bytes a failed comparison of bytes is told by its first difference only. */
const PRINT_LIMIT = 4096;

/** Error thrown when an assertion fails. */
export class AssertionError extends Error {
  /**
   * Make the error.
   *
   * @param message What failed.
   * @param options The `cause`, as for every `Error`.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** A class whose instances are errors of type `E`. */
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;

/** Any class. */
// deno-lint-ignore no-explicit-any
export type AnyConstructor = new (...args: any[]) => any;

/** The type of the instances of the class `T`. */
export type GetConstructorType<T extends AnyConstructor> = InstanceType<T>;

/** An array, a typed array or the like, and no string. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/** The caller's message as the end of ours: `: msg`, or a full stop. */
function suffix(msg?: string): string {
  return msg ? `: ${msg}` : ".";
}

/** A value as text for a message. */
function format(value: unknown): string {
  return Deno.inspect(value, { depth: 10, sorted: true, strAbbreviateSize: 10000 });
}

function isPlain(value: object): boolean {
  const proto = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null;
}

/**
 * A copy in which what `@std/assert` takes for equal is equal to Node too: `-0` is `0`, and an
 * object without a prototype is a plain object. Everything else stays the same value.
 */
function loosen(value: unknown, seen: Map<object, unknown> = new Map()): unknown {
  if (value === 0) return 0;
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  if (Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype) {
    const copy: unknown[] = new Array(value.length);
    seen.set(value, copy);
    for (const key of Object.keys(value)) define(copy, key, loosen(Reflect.get(value, key), seen));
    return copy;
  }
  if (value instanceof Map && Object.getPrototypeOf(value) === Map.prototype) {
    const copy = new Map<unknown, unknown>();
    seen.set(value, copy);
    for (const [k, v] of value) copy.set(loosen(k, seen), loosen(v, seen));
    return copy;
  }
  if (!isPlain(value)) return value;
  const copy = {};
  seen.set(value, copy);
  for (const key of Reflect.ownKeys(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, key)) {
      define(copy, key, loosen(Reflect.get(value, key), seen));
    }
  }
  return copy;
}

/** Set an own property, also one that is named `__proto__`. */
function define(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

/** Whether two byte arrays are the same, where both are byte arrays; else `undefined`. */
function equalBytes(a: unknown, b: unknown): boolean | undefined {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return undefined;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  return a.length === b.length && firstDifference(a, b) === -1;
}

function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((byte, i) => byte !== b[i]);
}

/** Whether two values are deeply equal. */
function isEqual(a: unknown, b: unknown): boolean {
  const bytes = equalBytes(a, b);
  if (bytes !== undefined) return bytes;
  const x = loosen(a);
  const y = loosen(b);
  if (Object.is(x, y)) return true;
  if (typeof x !== "object" || typeof y !== "object" || x === null || y === null) return false;
  try {
    deepStrictEqual(x, y, "unequal");
    return true;
  } catch (error) {
    if (error instanceof Difference) return false;
    throw error;
  }
}

/** The difference of two unequal values as text, as Node prints it. */
function describe(actual: unknown, expected: unknown): string {
  if (
    actual instanceof Uint8Array && expected instanceof Uint8Array &&
    Math.max(actual.length, expected.length) > PRINT_LIMIT
  ) {
    const at = firstDifference(actual, expected);
    return `${actual.length} and ${expected.length} bytes` +
      (at < 0 ? "" : `, first different at ${at}: ${actual[at]} and ${expected[at]}`);
  }
  return new Difference({ actual, expected, operator: "deepStrictEqual" }).message;
}

/**
 * Assert that `expr` is truthy.
 *
 * @param expr What to test.
 * @param msg The message if it is not.
 */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/**
 * Assert that two values are deeply equal.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected What there should be.
 * @param msg Said in addition if they differ.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (isEqual(actual, expected)) return;
  throw new AssertionError(`Values are not equal${suffix(msg)}\n${describe(actual, expected)}`);
}

/**
 * Assert that two values are not deeply equal.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected What there should not be.
 * @param msg Said in addition if they are equal.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!isEqual(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`,
  );
}

/**
 * Assert that two values are the same by `Object.is`.
 *
 * @typeParam T The type of the expected value.
 * @param actual What there is.
 * @param expected What there should be.
 * @param msg Said in addition if they are not the same.
 */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(
    format(actual) === format(expected)
      ? `Values have the same structure but are not reference-equal${suffix(msg)}\n\n${
        format(actual)
      }\n`
      : `Values are not strictly equal${suffix(msg)}\n${describe(actual, expected)}`,
  );
}

/**
 * Assert that a value is neither `null` nor `undefined`.
 *
 * @typeParam T The type of the value.
 * @param actual The value.
 * @param msg Said in addition if it is missing.
 */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}

/**
 * Assert that a value is an instance of a class.
 *
 * @typeParam T The class.
 * @param actual The value.
 * @param expectedType The class it should be an instance of.
 * @param msg Said in addition if it is not.
 */
export function assertInstanceOf<T extends AnyConstructor>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is GetConstructorType<T> {
  if (actual instanceof expectedType) return;
  const type = typeof actual === "object" && actual !== null
    ? actual.constructor?.name ?? "Object"
    : actual === null
    ? "null"
    : typeof actual;
  throw new AssertionError(
    `Expected object to be an instance of "${expectedType.name}" but was "${type}"${suffix(msg)}`,
  );
}

function compared(holds: boolean, operator: string, a: unknown, b: unknown, msg?: string): void {
  if (!holds) throw new AssertionError(msg ?? `Expect ${format(a)} ${operator} ${format(b)}`);
}

/**
 * Assert that `actual` is greater than `expected`.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected The bound.
 * @param msg The message if it is not.
 */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  compared(actual > expected, ">", actual, expected, msg);
}

/**
 * Assert that `actual` is greater than `expected`, or equal.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected The bound.
 * @param msg The message if it is not.
 */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  compared(actual >= expected, ">=", actual, expected, msg);
}

/**
 * Assert that `actual` is less than `expected`.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected The bound.
 * @param msg The message if it is not.
 */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  compared(actual < expected, "<", actual, expected, msg);
}

/**
 * Assert that `actual` is less than `expected`, or equal.
 *
 * @typeParam T The type of both values.
 * @param actual What there is.
 * @param expected The bound.
 * @param msg The message if it is not.
 */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  compared(actual <= expected, "<=", actual, expected, msg);
}

/**
 * Assert that a string matches an expression.
 *
 * @param actual The string.
 * @param expected The expression.
 * @param msg Said in addition if it does not match.
 */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
}

/**
 * Assert that a string does not match an expression.
 *
 * @param actual The string.
 * @param expected The expression.
 * @param msg Said in addition if it matches.
 */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not match: "${expected}"${suffix(msg)}`,
  );
}

/**
 * Assert that a string includes another.
 *
 * @param actual The string.
 * @param expected What it should include.
 * @param msg Said in addition if it does not.
 */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}

/**
 * Assert that an array includes all the values of another, deeply compared, in any order.
 *
 * @typeParam T The type of the values.
 * @param actual The array.
 * @param expected The values it should include.
 * @param msg Said in addition if one is missing.
 */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const values = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !values.some((v) => isEqual(item, v)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${
      suffix(msg)
    }\nmissing: ${format(missing)}`,
  );
}

/** The part of `actual` that `expected` speaks of, as plain objects. */
function pick(actual: unknown, expected: unknown, seen: Map<unknown, unknown>): unknown {
  if (typeof actual !== "object" || actual === null) return actual;
  if (typeof expected !== "object" || expected === null) return actual;
  if (Array.isArray(actual) !== Array.isArray(expected)) return actual;
  if (isLeaf(actual) || isLeaf(expected)) return actual;
  if (seen.get(actual) === expected) return actual;
  seen.set(actual, expected);
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.slice(0, expected.length).map((value, i) => pick(value, expected[i], seen));
  }
  if (actual instanceof Set && expected instanceof Set) return actual.intersection(expected);
  if (actual instanceof Map && expected instanceof Map) {
    const common = [...actual].filter(([key]) => expected.has(key));
    return new Map(common.map(([key, value]) => [key, pick(value, expected.get(key), seen)]));
  }
  const picked = {};
  for (const key of Reflect.ownKeys(expected)) {
    if (!Object.hasOwn(actual, key)) continue;
    define(picked, key, pick(Reflect.get(actual, key), Reflect.get(expected, key), seen));
  }
  return picked;
}

/** Whether an object has its value inside, where no property tells it. */
function isLeaf(value: object): boolean {
  return value instanceof RegExp || value instanceof Date || value instanceof URL ||
    value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/**
 * Assert that `actual` has at least the properties of `expected`, deeply.
 *
 * @param actual What there is.
 * @param expected What should be part of it.
 * @param msg Said in addition if something is missing or different.
 */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals(pick(actual, expected, new Map()), pick(expected, expected, new Map()), msg);
}

/** Assert what `assertThrows` and `assertRejects` were told of an error. */
function assertError(
  error: unknown,
  verb: string,
  expectedClass: ErrorClass<Error> | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): void {
  if (!expectedClass) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${verb}${suffix(msg)}`, { cause: error });
  }
  const { message, constructor } = error;
  if (!(error instanceof expectedClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${expectedClass.name}", but was "${constructor.name}"${
        suffix(msg)
      }`,
      { cause: error },
    );
  }
  if (msgIncludes && !message.includes(msgIncludes)) {
    throw new AssertionError(
      `Expected error message to include ${JSON.stringify(msgIncludes)}, but got ${
        JSON.stringify(message)
      }${suffix(msg)}`,
      { cause: error },
    );
  }
}

/** Sort the arguments of `assertThrows` and `assertRejects`, which have two forms. */
function expectation<E extends Error>(
  classOrMsg: ErrorClass<E> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): [ErrorClass<E> | undefined, string | undefined, string | undefined] {
  return typeof classOrMsg === "string"
    ? [undefined, undefined, classOrMsg]
    : [classOrMsg, msgIncludes, msg];
}

/**
 * Assert that a function throws.
 *
 * @param fn The function to call.
 * @param msg Said in addition if it does not throw.
 * @returns What was thrown.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Assert that a function throws an error of a class, and what the error's message includes.
 *
 * @typeParam E The type of the error.
 * @param fn The function to call.
 * @param ErrorClass The class of the error.
 * @param msgIncludes What the message should include.
 * @param msg Said in addition if something is different.
 * @returns The error.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorClass<E> | string,
  includes?: string,
  message?: string,
): unknown {
  const [expectedClass, msgIncludes, msg] = expectation(classOrMsg, includes, message);
  try {
    fn();
  } catch (error) {
    assertError(error, "thrown", expectedClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(msg)}`);
}

/**
 * Assert that a function returns a promise, and that it rejects.
 *
 * @param fn The function to call.
 * @param msg Said in addition if it does not reject.
 * @returns What it rejected with.
 */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/**
 * Assert that a function returns a promise that rejects with an error of a class, and what the
 * error's message includes.
 *
 * @typeParam E The type of the error.
 * @param fn The function to call.
 * @param ErrorClass The class of the error.
 * @param msgIncludes What the message should include.
 * @param msg Said in addition if something is different.
 * @returns The error.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<E> | string,
  includes?: string,
  message?: string,
): Promise<unknown> {
  const [expectedClass, msgIncludes, msg] = expectation(classOrMsg, includes, message);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
    if (typeof promise?.then !== "function") throw new TypeError("not a promise");
  } catch (error) {
    throw new AssertionError(`Function throws when expected to reject${suffix(msg)}`, {
      cause: error,
    });
  }
  try {
    await promise;
  } catch (error) {
    assertError(error, "rejected", expectedClass, msgIncludes, msg);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(msg)}`);
}

/**
 * Fail always.
 *
 * @param msg Why.
 */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/**
 * Fail where code should never arrive.
 *
 * @param msg Why it should not.
 */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}
