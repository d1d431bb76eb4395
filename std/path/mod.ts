/**
 * The part of `@std/path` that this project uses, for POSIX paths, in plain TypeScript: it is on
 * the start-up path, where `node:path` would cost milliseconds.
 *
 * @example
 * ```ts
 * import { basename, join } from "@std/path";
 *
 * join("/srv", "..", "etc", "hosts"); // "/etc/hosts"
 * basename("/etc/hosts.bak", ".bak"); // "hosts"
 * ```
 *
 * @module
 */

/** What separates the segments of a path. */
export const SEPARATOR = "/" as const;

function assertPath(path: unknown): asserts path is string {
  if (typeof path !== "string") {
    throw new TypeError(`Path must be a string, received "${JSON.stringify(path)}"`);
  }
}

/** The path without the separators at its end; one alone stays. */
function trimEnd(path: string): string {
  let end = path.length;
  while (end > 1 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/** The segments of a path with `.` and, where there is something before it, `..` resolved. */
function segments(path: string, absolute: boolean): string[] {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!absolute) kept.push("..");
  }
  return kept;
}

/**
 * Whether a path starts at the root.
 *
 * @param path The path.
 * @returns `true` if it does.
 */
export function isAbsolute(path: string): boolean {
  assertPath(path);
  return path.startsWith("/");
}

/**
 * A path with `.`, `..` and double separators resolved. A separator at the end stays.
 *
 * @param path The path.
 * @returns The normal form; `.` if nothing is left.
 */
export function normalize(path: string): string {
  assertPath(path);
  const absolute = path.startsWith("/");
  const body = segments(path, absolute).join("/");
  if (body === "") return absolute ? "/" : path.endsWith("/") ? "./" : ".";
  return `${absolute ? "/" : ""}${body}${path.endsWith("/") ? "/" : ""}`;
}

/**
 * The paths one after the other, normalized.
 *
 * @param paths The paths; empty ones do not count.
 * @returns The joined path; `.` if there is none.
 */
export function join(...paths: string[]): string {
  for (const path of paths) assertPath(path);
  const joined = paths.filter((path) => path !== "").join("/");
  return joined === "" ? "." : normalize(joined);
}

/**
 * An absolute, normalized path: each path is taken relative to those before it, and the first to
 * the working directory.
 *
 * @param pathSegments The paths.
 * @returns The absolute path, without a separator at its end.
 */
export function resolve(...pathSegments: string[]): string {
  let path = "";
  for (let i = pathSegments.length - 1; i >= 0 && !path.startsWith("/"); i--) {
    const segment = pathSegments[i];
    assertPath(segment);
    if (segment !== "") path = `${segment}/${path}`;
  }
  if (!path.startsWith("/")) path = `${Deno.cwd()}/${path}`;
  return "/" + segments(path, true).join("/");
}

/**
 * The directory of a path: all but its last segment.
 *
 * @param path The path.
 * @returns The directory; `.` if the path has one segment only.
 */
export function dirname(path: string): string {
  assertPath(path);
  const end = trimEnd(path).lastIndexOf("/");
  if (end < 0) return ".";
  return end === 0 ? "/" : trimEnd(path.slice(0, end));
}

/**
 * The last segment of a path.
 *
 * @param path The path.
 * @param suffix Cut off from the end, unless it is the whole segment.
 * @returns The segment; `/` for the root.
 */
export function basename(path: string, suffix = ""): string {
  assertPath(path);
  if (path !== "" && typeof suffix !== "string") {
    throw new TypeError(`Suffix must be a string, received "${JSON.stringify(suffix)}"`);
  }
  const trimmed = trimEnd(path);
  if (trimmed === "/") return "/";
  const name = trimmed.slice(trimmed.lastIndexOf("/") + 1);
  return suffix !== "" && name !== suffix && name.endsWith(suffix)
    ? name.slice(0, -suffix.length)
    : name;
}

/**
 * The extension of a path with its dot.
 *
 * @param path The path.
 * @returns The extension; empty if there is none, as in `.bashrc`.
 */
export function extname(path: string): string {
  assertPath(path);
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 || name === ".." ? "" : name.slice(dot);
}

/**
 * The way from one path to another.
 *
 * @param from Where it starts: a directory.
 * @param to Where it leads.
 * @returns The relative path; empty if both are the same.
 */
export function relative(from: string, to: string): string {
  assertPath(from);
  assertPath(to);
  const start = segments(resolve(from), true);
  const end = segments(resolve(to), true);
  let shared = 0;
  while (shared < start.length && start[shared] === end[shared]) shared++;
  return [...start.slice(shared).fill(".."), ...end.slice(shared)].join("/");
}

/**
 * The longest directory that all the paths start with, compared as text, segment by segment.
 *
 * @param paths The paths.
 * @returns The common path, with a separator at its end where it is not itself one of the paths;
 * empty if there is none.
 */
export function common(paths: string[]): string {
  const split = paths.map((path) => path.split("/"));
  const first = split[0] ?? [];
  const shared = split.reduce((limit, parts) => {
    let n = 0;
    while (n < limit && n < parts.length && parts[n] === first[n]) n++;
    return n;
  }, first.length);
  const isPath = split.some((parts) => parts.length === shared);
  return first.slice(0, shared).join("/") + (shared === 0 || isPath ? "" : "/");
}

/**
 * The path of a `file:` URL.
 *
 * @param url The URL.
 * @returns The path, decoded.
 */
export function fromFileUrl(url: URL | string): string {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:") {
    throw new TypeError(`URL must be a file URL: received "${protocol}"`);
  }
  return decodeURIComponent(pathname.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
}

/**
 * The `file:` URL of a path.
 *
 * @param path The path; it must be absolute.
 * @returns The URL.
 */
export function toFileUrl(path: string): URL {
  if (!isAbsolute(path)) throw new TypeError(`Path must be absolute: received "${path}"`);
  const url = new URL("file:///");
  url.pathname = path.replace(/[%\\\t\n\v\f\r ]/g, encodeURIComponent);
  return url;
}
