/**
 * `parseArgs`, as `@std/cli/parse-args` has it.
 *
 * @module
 */

/** The values of an object of flags where no types were given. */
// deno-lint-ignore no-explicit-any
type Loose = Record<string, any>;
type Aliases = Readonly<Record<string, string | readonly string[]>>;
type Key<T> = Extract<T, string>;

/** The type of the flag `K` before its default. */
type FlagType<K, B, S, C> =
  | (K extends B ? boolean : never)
  | (K extends S ? string : never)
  | (K extends B | S ? never : unknown) extends infer T ? (K extends C ? T[] : T) : never;

/** The type of the flag `K`. */
type Flag<K, B, S, C, N, D> =
  | FlagType<K, B, S, C>
  | (K extends N ? false : never)
  | (K extends keyof D ? D[K] : K extends B | C ? never : undefined);

/** The other names of the flag `K`. */
type Names<K, A> = K extends keyof A ? K | (A[K] extends readonly (infer E)[] ? Key<E> : Key<A[K]>)
  : K;

/** The object that `parseArgs` returns, without `_` and `--`. */
type Values<B, S, C, N, D, A> = [Key<B> | Key<S> | Key<C>] extends [never] ? Loose
  :
    & Record<string, unknown>
    & {
      [K in Key<B> | Key<S> | Key<C> as Names<K, A>]: Flag<K, B, S, C, N, D>;
    };

/** The value returned from {@linkcode parseArgs}. */
export type Args<
  TArgs extends Record<string, unknown> = Loose,
  TDoubleDash extends boolean | undefined = undefined,
> =
  & TArgs
  & {
    /** All the arguments that are not an option or the value of one. */
    _: Array<string | number>;
  }
  & (true extends TDoubleDash ? {
      /** All the arguments after `--`. */
      "--": Array<string>;
    }
    : unknown);

/** Options for {@linkcode parseArgs}. */
export interface ParseOptions<
  TBooleans extends boolean | string | undefined = boolean | string | undefined,
  TStrings extends string | undefined = string | undefined,
  TCollectable extends string | undefined = string | undefined,
  TNegatable extends string | undefined = string | undefined,
  TDefault extends Record<string, unknown> | undefined = Record<string, unknown> | undefined,
  TAliases extends Aliases | undefined = Aliases | undefined,
  TDoubleDash extends boolean | undefined = boolean | undefined,
> {
  /**
   * When `true`, `--` of the result has what comes after `--`; otherwise `_` has it too.
   *
   * @default {false}
   */
  "--"?: TDoubleDash;

  /** Other names of options. */
  alias?: TAliases;

  /**
   * Names of options that are booleans and take no value. `true` makes every `--name` without `=`
   * one. They are `false` where they are not given.
   */
  boolean?: TBooleans | ReadonlyArray<Extract<TBooleans, string>>;

  /** The values of options that are not given. */
  default?: TDefault;

  /**
   * When `true`, everything after the first argument that is not an option goes to `_`.
   *
   * @default {false}
   */
  stopEarly?: boolean;

  /** Names of options whose value is always a string. */
  string?: TStrings | ReadonlyArray<Extract<TStrings, string>>;

  /** Names of options that can be given more than once: their value is an array. */
  collect?: TCollectable | ReadonlyArray<Extract<TCollectable, string>>;

  /** Names of options that `--no-name` makes `false`. */
  negatable?: TNegatable | ReadonlyArray<Extract<TNegatable, string>>;

  /**
   * Called with each argument that is no option of `boolean`, `string` or `alias`. Where it
   * returns `false`, the argument is left out of the result.
   */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Tree = Record<string, unknown>;

const LONG = /^--(no-)?(.+?)(?:=(.+))?$/s;

function isNumber(text: string): boolean {
  return /\S/.test(text) && Number.isFinite(Number(text));
}

function isBooleanWord(text: string): boolean {
  return text === "true" || text === "false";
}

/** The object that holds the last part of a dotted name, if all before it is there. */
function holder(root: Tree, name: string, make: boolean): [Tree | undefined, string] {
  const keys = name.split(".");
  const last = keys.pop()!;
  let tree = root;
  for (const key of keys) {
    // Only own properties: `--constructor.prototype.x` must not reach Object.prototype.
    if (!Object.hasOwn(tree, key) || tree[key] === undefined || tree[key] === null) {
      if (!make) return [undefined, last];
      put(tree, key, {});
    }
    const next = tree[key];
    if (typeof next !== "object") {
      if (!make) return [undefined, last];
      throw new TypeError(`Cannot set "${name}": "${key}" has a value already`);
    }
    tree = next as Tree;
  }
  return [tree, last];
}

function put(tree: Tree, key: string, value: unknown): void {
  Object.defineProperty(tree, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

function set(root: Tree, name: string, value: unknown, collect = false): void {
  const [tree, key] = holder(root, name, true);
  const old = Object.hasOwn(tree!, key) ? tree![key] : undefined;
  if (!collect) put(tree!, key, value);
  else if (Array.isArray(old)) old.push(value);
  else put(tree!, key, old ? [old, value] : [value]);
}

function has(root: Tree, name: string): boolean {
  const [tree, key] = holder(root, name, false);
  return tree !== undefined && Object.hasOwn(tree, key);
}

/**
 * Take command line arguments apart.
 *
 * `--name value`, `--name=value`, `-n value`, `-n=value`, `-nvalue` where the value is a number,
 * and `-abc` for `-a -b -c`. A value that looks like a number becomes one, unless the option is in
 * `string`. An option without a value is `true`, or the empty string if it is in `string`. A name
 * with dots makes nested objects.
 *
 * @param args The arguments, such as `Deno.args`.
 * @param options What the options are.
 * @returns The options by name, and the other arguments as `_`.
 *
 * @example
 * ```ts
 * import { parseArgs } from "@std/cli/parse-args";
 *
 * const args = parseArgs(["--env", "A=1", "--env", "B=2", "--no-net", "--", "ls", "-l"], {
 *   "--": true,
 *   boolean: ["net"],
 *   negatable: ["net"],
 *   string: ["env"],
 *   collect: ["env"],
 * });
 * // { env: ["A=1", "B=2"], net: false, _: [], "--": ["ls", "-l"] }
 * ```
 */
export function parseArgs<
  TBooleans extends boolean | string | undefined = undefined,
  TStrings extends string | undefined = undefined,
  TCollectable extends string | undefined = undefined,
  TNegatable extends string | undefined = undefined,
  TDefault extends Record<string, unknown> | undefined = undefined,
  const TAliases extends Aliases | undefined = undefined,
  TDoubleDash extends boolean | undefined = undefined,
>(
  args: string[],
  options: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefault,
    TAliases,
    TDoubleDash
  > = {},
): Args<
  Values<TBooleans, TStrings, TCollectable, TNegatable, TDefault, TAliases>,
  TDoubleDash
> {
  const aliases = new Map<string, string[]>();
  for (const [name, value] of Object.entries<string | readonly string[]>(options.alias ?? {})) {
    if (value === undefined) throw new TypeError("Alias value must be defined");
    const others = typeof value === "string" ? [value] : [...value];
    aliases.set(name, others);
    for (const other of others) {
      aliases.set(other, [name, ...others.filter((it) => it !== other)]);
    }
  }

  const named = (list: unknown): Set<string> => {
    const names = (Array.isArray(list) ? list : [list]).filter((it) => it && it !== true);
    return new Set(names.flatMap((name: string) => [name, ...(aliases.get(name) ?? [])]));
  };
  const booleans = named(options.boolean);
  const strings = named(options.string);
  const collected = named(options.collect);
  const negatables = named(options.negatable);
  const allBooleans = options.boolean === true;
  const isBoolean = (key: string) =>
    booleans.has(key) || (aliases.get(key)?.some((it) => booleans.has(it)) ?? false);

  const result: Tree & { _: (string | number)[] } = { _: [] };

  function store(key: string, value: string | boolean, arg: string, collect = true): void {
    if (
      !booleans.has(key) && !strings.has(key) && !aliases.has(key) &&
      !(allBooleans && /^--[^=]+$/.test(arg)) && options.unknown?.(arg, key, value) === false
    ) return;
    const typed = typeof value === "string" && !strings.has(key) && isNumber(value)
      ? Number(value)
      : value;
    for (const name of [key, ...(aliases.get(key) ?? [])]) {
      set(result, name, typed, collect && collected.has(key));
    }
  }

  /** The value of an option that has none. */
  const bare = (key: string) => strings.has(key) ? "" : true;

  /** Store a `--name`. Returns whether the next argument was its value. */
  function long(arg: string, next: string | undefined): boolean {
    const [, no, name = "", value] = LONG.exec(arg) ?? [];
    if (value) {
      store(name, booleans.has(name) ? value !== "false" : value, arg);
      return false;
    }
    if (no && negatables.has(name)) {
      store(name, false, arg, false);
      return false;
    }
    const key = (no ?? "") + name;
    if (next && !isBoolean(key) && !allBooleans && !next.startsWith("-")) {
      store(key, next, arg);
      return true;
    }
    const word = next !== undefined && isBooleanWord(next);
    store(key, word ? next !== "false" : bare(key), arg);
    return word;
  }

  /** Store `-abc`. Returns whether the next argument was the value of the last letter. */
  function short(arg: string, next: string | undefined): boolean {
    for (let i = 1; i < arg.length - 1; i++) {
      const letter = arg[i]!;
      const rest = arg.slice(i + 1);
      if (rest === "-") {
        store(letter, rest, arg);
        continue;
      }
      if (/[A-Za-z]/.test(letter)) {
        const value = /=(.+)/.exec(rest)?.[1] ?? (/-?\d+(\.\d*)?(e-?\d+)?$/.test(rest) ? rest : "");
        if (value) {
          store(letter, value, arg);
          return false;
        }
      }
      if (i + 1 < arg.length - 1 && /\W/.test(arg[i + 1]!)) {
        store(letter, rest, arg);
        return false;
      }
      store(letter, bare(letter), arg);
    }
    const key = arg.slice(-1);
    if (key === "-") return false;
    if (next && !/^--?[^-]/.test(next) && !isBoolean(key)) {
      store(key, next, arg);
      return true;
    }
    const word = next !== undefined && isBooleanWord(next);
    store(key, word ? next !== "false" : bare(key), arg);
    return word;
  }

  const end = args.indexOf("--");
  const parsed = end < 0 ? args : args.slice(0, end);
  const after = end < 0 ? [] : args.slice(end + 1);

  for (let i = 0; i < parsed.length; i++) {
    const arg = parsed[i]!;
    if (arg.startsWith("-") && arg !== "-") {
      if ((arg.startsWith("--") ? long : short)(arg, parsed[i + 1])) i++;
      continue;
    }
    if (options.unknown?.(arg) !== false) {
      result._.push(strings.has("_") || !isNumber(arg) ? arg : Number(arg));
    }
    if (options.stopEarly) {
      result._.push(...parsed.slice(i + 1));
      break;
    }
  }

  for (const [name, value] of Object.entries(options.default ?? {})) {
    if (has(result, name)) continue;
    for (const each of [name, ...(aliases.get(name) ?? [])]) set(result, each, value);
  }
  for (const name of booleans) {
    if (!has(result, name)) set(result, name, collected.has(name) ? [] : false);
  }
  for (const name of strings) {
    if (collected.has(name) && !has(result, name)) set(result, name, []);
  }

  if (options["--"]) result["--"] = after;
  else result._.push(...after);

  // deno-lint-ignore no-explicit-any
  return result as any;
}
