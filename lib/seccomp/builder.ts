/**
 * Policies, typed: `filter.deny("EPERM", "ptrace")` and what can be added to it.
 *
 * @module
 */

import type {
  FilterableCall,
  SeccompAction,
  SeccompArch,
  SeccompComparison,
  SeccompPolicy,
  SeccompRule,
  SeccompTest,
} from "../spec.ts";
import type { ErrnoName } from "../sys/abi/errno.ts";
import { compileFilter } from "./compile_filter.ts";
import { setCompiler } from "./filter.ts";

// Whoever writes policies wants them compiled, also where nothing can be awaited.
setCompiler(compileFilter);

/** A call by its name, or by its name and what its arguments must be. */
export type CallPattern = FilterableCall | FilteredCall;

/** A call, where its arguments are so. Made by {@linkcode call}. */
export interface FilteredCall {
  /** Its name. */
  readonly call: FilterableCall;
  /** All must hold. */
  readonly when: readonly SeccompTest[];
}

/** A number of an argument. */
export type Argument = number | bigint;

function digits(value: Argument): number | string {
  return typeof value === "number" ? value : `0x${BigInt.asUintN(64, value).toString(16)}`;
}

/** Compares an argument; made by {@linkcode int} and {@linkcode long}. */
export class ArgumentPattern {
  readonly #argument: number;
  readonly #bits: 32 | 64;

  /** The argument, counted from 0, and how much of it the kernel takes. */
  constructor(argument: number, bits: 32 | 64) {
    this.#argument = argument;
    this.#bits = bits;
  }

  #test(is: SeccompComparison, value: Argument, mask?: Argument): SeccompTest {
    return {
      argument: this.#argument,
      is,
      value: digits(value),
      ...(mask === undefined ? {} : { mask: digits(mask) }),
      bits: this.#bits,
    };
  }

  /** It is this number. */
  equal(value: Argument): SeccompTest {
    return this.#test("equal", value);
  }

  /** It is another number. */
  notEqual(value: Argument): SeccompTest {
    return this.#test("not-equal", value);
  }

  /** It is smaller, as a number without a sign. */
  less(value: Argument): SeccompTest {
    return this.#test("less", value);
  }

  /** It is this or smaller. */
  atMost(value: Argument): SeccompTest {
    return this.#test("at-most", value);
  }

  /** It is greater. */
  greater(value: Argument): SeccompTest {
    return this.#test("greater", value);
  }

  /** It is this or greater. */
  atLeast(value: Argument): SeccompTest {
    return this.#test("at-least", value);
  }

  /** The bits of `mask` in it are `value`. */
  masked(mask: Argument, value: Argument): SeccompTest {
    return this.#test("masked-equal", value, mask);
  }
}

/** An argument that is an `int`, a mode, or a request of ioctl(2): the kernel takes 32 bits of it. */
export function int(argument: number): ArgumentPattern {
  return new ArgumentPattern(argument, 32);
}

/** An argument that is a `long`, a size or an address: 64 bits. */
export function long(argument: number): ArgumentPattern {
  return new ArgumentPattern(argument, 64);
}

/**
 * A call where all of these hold.
 *
 * ```ts
 * import { call, filter, int } from "@paddock/paddock";
 *
 * const AF_INET6 = 10, EAFNOSUPPORT = 97;
 * const ipv4Only = filter.deny(EAFNOSUPPORT, call("socket", int(0).equal(AF_INET6)));
 * console.log(ipv4Only.rules.length); // 1
 * ```
 */
export function call(name: FilterableCall, ...when: SeccompTest[]): FilteredCall {
  return { call: name, when };
}

function toRules(action: SeccompAction, patterns: readonly CallPattern[]): SeccompRule[] {
  const plain = patterns.filter((pattern) => typeof pattern === "string");
  return [
    ...(plain.length > 0 ? [{ calls: plain, action }] : []),
    ...patterns.flatMap((pattern) =>
      typeof pattern === "string" ? [] : [{ calls: [pattern.call], action, when: pattern.when }]
    ),
  ];
}

/** Whom a filter asks about some calls: nobody, a handler that is only told, or one that decides. */
export type Asked = "nobody" | "observer" | "decider";

/** A policy that grows: every method returns a new one. The first rule that fits decides. */
export class Filter<Asks extends Asked = "nobody"> implements SeccompPolicy {
  /** Whom it asks. It is no part of the description, and is what handlers are checked by. */
  readonly asks: Asks;
  /** What comes behind these rules. */
  readonly extend?: "default";
  /** The rules. */
  readonly rules: readonly SeccompRule[];
  /** What a call gets that no rule fits. */
  readonly otherwise?: SeccompAction;
  /** The ABIs that may be used. */
  readonly architectures?: readonly SeccompArch[];

  /** Made by {@linkcode filter}. */
  constructor(policy: SeccompPolicy, asks: Asks) {
    this.asks = asks;
    this.rules = policy.rules;
    // A description is plain data, in which a field that means nothing is not there.
    if (policy.extend !== undefined) this.extend = policy.extend;
    if (policy.otherwise !== undefined) this.otherwise = policy.otherwise;
    if (policy.architectures !== undefined) this.architectures = policy.architectures;
  }

  /** Adds rules with any action behind those that are there. */
  rule(action: SeccompAction, ...patterns: CallPattern[]): Filter<Asks> {
    return new Filter(this.#with(action, patterns), this.asks);
  }

  #with(action: SeccompAction, patterns: readonly CallPattern[]): SeccompPolicy {
    return { ...this, rules: [...this.rules, ...toRules(action, patterns)] };
  }

  /**
   * Lets a handler in this program decide about these: `sandbox().seccomp(filter.notify("connect"),
   * (call) => call.deny("EACCES"))`. seccomp_unotify(2).
   */
  notify(this: Filter<"nobody" | "decider">, ...patterns: CallPattern[]): Filter<"decider"> {
    return new Filter(this.#with("notify", patterns), "decider");
  }

  /** Tells a handler in this program of these, before they are made. It decides nothing. */
  observe(this: Filter<"nobody" | "observer">, ...patterns: CallPattern[]): Filter<"observer"> {
    return new Filter(this.#with("notify", patterns), "observer");
  }

  /** Lets these be made. */
  allow(...patterns: CallPattern[]): Filter<Asks> {
    return this.rule("allow", ...patterns);
  }

  /** Lets these fail with an errno. */
  deny(errno: ErrnoName | number, ...patterns: CallPattern[]): Filter<Asks> {
    return this.rule({ errno }, ...patterns);
  }

  /** Kills the process for these. */
  kill(...patterns: CallPattern[]): Filter<Asks> {
    return this.rule("kill", ...patterns);
  }

  /** Lets these be made, and told of. */
  log(...patterns: CallPattern[]): Filter<Asks> {
    return this.rule("log", ...patterns);
  }

  /** Sends SIGSYS for these, which a program can catch. */
  trap(...patterns: CallPattern[]): Filter<Asks> {
    return this.rule("trap", ...patterns);
  }

  /** With nothing of the default profile and no rule yet: what no rule fits gets `otherwise`. */
  empty(otherwise: SeccompAction): Filter {
    return new Filter({ rules: [], otherwise }, "nobody");
  }

  /** The ABIs that the command may use; a call of any other kills it. */
  on(...architectures: SeccompArch[]): Filter<Asks> {
    return new Filter({ ...this, architectures }, this.asks);
  }
}

/**
 * A policy to begin with: the default profile. What is added decides before it does.
 *
 * ```ts
 * import { filter, sandbox } from "@paddock/paddock";
 *
 * const box = sandbox().seccomp(filter.allow("ptrace").deny("EACCES", "socket"));
 * const { code } = await box.output(["true"]);
 * console.log(code); // 0
 * ```
 */
export const filter: Filter = new Filter({ extend: "default", rules: [] }, "nobody");
