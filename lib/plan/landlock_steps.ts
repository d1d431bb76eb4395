/**
 * The steps that put Landlock's rules together, and that submit the command to them. landlock(7).
 *
 * @module
 */

import type { Operation } from "../agent/operation.ts";
import { ERRNO } from "../sys/abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC, O_PATH } from "../sys/abi/fcntl.ts";
import { LANDLOCK_RULE_NET_PORT, LANDLOCK_RULE_PATH_BENEATH } from "../sys/abi/landlock.ts";
import type { Scaffold } from "./mounts/scaffold.ts";
import type { NewStep } from "./step.ts";
import { landlockNetPort, landlockRulesetAttr } from "./structs.ts";

/** Rules as the running kernel takes them. */
export interface LandlockRuleset {
  /** The rights on files that must be allowed to be had. */
  readonly handledFs: number;
  /** The same for TCP. */
  readonly handledNet: number;
  /** What is kept inside. */
  readonly scoped: number;
  /** What is allowed where; a path that turns out to be no directory can have fewer rights. */
  readonly paths: readonly {
    readonly path: string;
    readonly directory: number;
    readonly file: number;
    readonly optional: boolean;
  }[];
  /** What is allowed with which port. */
  readonly ports: readonly { readonly port: number; readonly allowed: number }[];
  /** What it comes to, in words. */
  readonly sentence: string;
}

/** Enough of `struct statx` for the type of a file. */
const STATX_TYPE = 1, STATX_MODE_OFFSET = 28, S_IFMT = 0xf000, S_IFDIR = 0x4000;

/** Where the descriptor of a rule's path is. */
const PLACE = "landlock place";

/** Opens the path of a rule: in the new root by its descriptor, or from where the process is. */
function openPlace(path: string, scaffold: Scaffold | undefined): Operation[] {
  return scaffold?.existing(path, O_PATH | O_CLOEXEC, PLACE).operations ?? [{
    call: "openat",
    args: [AT_FDCWD, path, O_PATH | O_CLOEXEC, 0],
    store: PLACE,
  }];
}

function pathRule(
  rule: LandlockRuleset["paths"][number],
  label: string,
  scaffold: Scaffold | undefined,
): Operation[] {
  const { path, directory, file, optional } = rule;
  const open = openPlace(path, scaffold);
  // Tried first by a call whose error may be that there is no such path.
  const { label: _, ...first } = open.find(({ store }) => store === PLACE)!;
  const attempt: Operation[] = !optional ? [] : [
    { ...first, onError: { goto: `${label} fails` } },
    { call: "SET", args: [0], goto: `${label} is open` },
    {
      call: "SUBTRACT",
      args: [{ load: PLACE }, -ERRNO.ENOENT],
      onError: "ignore",
      when: { equals: 0 },
      goto: `${label} is done`,
      label: `${label} fails`,
    },
  ];
  return [
    ...attempt,
    ...open,
    {
      call: "statx",
      args: [{ load32: PLACE }, "", AT_EMPTY_PATH, STATX_TYPE, { at: "statx" }],
      label: `${label} is open`,
    },
    { call: "SET", args: [directory], store: "landlock rule" },
    {
      call: "AND",
      args: [{ load32: { name: "statx", offset: STATX_MODE_OFFSET } }, S_IFMT],
      when: { equals: S_IFDIR },
      goto: `${label} is a directory`,
    },
    // A right that only directories have makes the rule invalid for anything else.
    { call: "SET", args: [file], store: "landlock rule" },
    {
      call: "SET",
      args: [{ load: "landlock rule" }],
      when: { equals: 0 },
      goto: `${label} has nothing`,
    },
    {
      call: "SET",
      args: [{ load32: PLACE }],
      store: { name: "landlock rule", offset: 8 },
      store32: true,
      label: `${label} is a directory`,
    },
    {
      call: "landlock_add_rule",
      args: [{ load32: "landlock" }, LANDLOCK_RULE_PATH_BENEATH, { at: "landlock rule" }, 0],
    },
    { call: "close", args: [{ load32: PLACE }], label: `${label} has nothing` },
    { call: "SET", args: [0], label: `${label} is done` },
  ];
}

/**
 * Makes the set of rules, as a descriptor. With a scaffold the paths are looked up in the new root,
 * before anybody is in it.
 */
export function landlockRulesStep(
  { handledFs, handledNet, scoped, paths, ports, sentence }: LandlockRuleset,
  scaffold?: Scaffold,
): NewStep {
  const attr = landlockRulesetAttr(handledFs, handledNet, scoped);
  return {
    phase: scaffold ? "mounts" : "command",
    name: "landlock rules",
    sentence: `put Landlock rules together: ${sentence}`,
    paths: { path: "landlock" },
    hints: {
      ENOENT: "a path of a rule must exist inside; or give it { optional: true }",
      EOPNOTSUPP: 'the kernel does not use Landlock; put "landlock" into its lsm= parameter',
    },
    operations: [
      { call: "landlock_create_ruleset", args: [attr, attr.length, 0], store: "landlock" },
      ...paths.flatMap((rule, index) => pathRule(rule, `rule ${index}`, scaffold)),
      ...ports.map(({ port, allowed }): Operation => ({
        call: "landlock_add_rule",
        args: [
          { load32: "landlock" },
          LANDLOCK_RULE_NET_PORT,
          landlockNetPort(allowed, port),
          0,
        ],
      })),
    ],
  };
}

/** Submits the process to the rules, for good; after no_new_privs. landlock_restrict_self(2). */
export function landlockStep(): NewStep {
  return {
    phase: "command",
    name: "landlock",
    sentence: "submit to the Landlock rules",
    hints: { E2BIG: "there are 16 layers of Landlock rules already" },
    operations: [
      { call: "landlock_restrict_self", args: [{ load32: "landlock" }, 0] },
      { call: "close", args: [{ load32: "landlock" }] },
    ],
  };
}
