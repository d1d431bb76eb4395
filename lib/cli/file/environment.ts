/**
 * Fills variables in, in texts that are marked by `!env`, and only there: a command's own `${X}` is
 * the command's.
 *
 * @module
 */

import { SpecError } from "../../errors.ts";
import { Marked } from "./yaml.ts";

/** `${NAME}` and `${NAME:-default}`; what else begins with `${` is a mistake. */
const VARIABLE = /\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\})?/g;

/** The text with what the variables hold. */
export function fillIn(
  text: string,
  field: string,
  get: (name: string) => string | undefined,
): string {
  return text.replace(VARIABLE, (whole, name: string | undefined, otherwise?: string) => {
    if (name === undefined) {
      throw new SpecError(
        field,
        `"${text}" has a "${whole}" that is no variable; write \${NAME} or \${NAME:-default}`,
      );
    }
    const value = get(name);
    // As in a shell, an empty one counts as none where there is a default.
    if (value !== undefined && (value !== "" || otherwise === undefined)) return value;
    if (otherwise !== undefined) return otherwise;
    throw new SpecError(
      field,
      `"${name}" is not set here; set it, or write \${${name}:-default}`,
    );
  });
}

/** A value with all its marked texts filled in. */
export function withEnvironment(
  value: unknown,
  field: string,
  get: (name: string) => string | undefined,
): unknown {
  if (value instanceof Marked) return fillIn(value.text, field, get);
  if (Array.isArray(value)) {
    return value.map((entry, index) => withEnvironment(entry, `${field}[${index}]`, get));
  }
  if (typeof value !== "object" || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      withEnvironment(entry, field === "" ? key : `${field}.${key}`, get),
    ]),
  );
}
