/**
 * Finds options that want different things of one namespace, in whichever order they are given:
 * what comes last would win silently, and `--share` is not a wish to be passed over.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import type { Given } from "./options.ts";
import type { RunRequest } from "./run_request.ts";

type Choice = "new" | "shared" | "joined";

/** What an option wants, and how it is quoted. */
interface Wish {
  readonly kind: string;
  readonly choice: Choice;
  readonly by: string;
}

/** A kind by its other names, too. What is no kind, the builder says. */
function kindOf(word: string): string {
  return word === "mnt" ? "mount" : word === "network" ? "net" : word;
}

const WHOSE: Readonly<Record<Choice, string>> = {
  new: "one of the sandbox's own",
  shared: "the host's",
  joined: "one that exists",
};

const OF_THE_GATE = ["allow-domain", "deny-domain", "allow-address", "deny-address"];

function wishes({ option: { name }, value }: Given<RunRequest>): Wish[] {
  if (name === "share" || name === "unshare") {
    const choice = name === "share" ? "shared" : "new";
    return value.split(",").filter((word) => word !== "").map((word) => {
      return { kind: kindOf(word), choice, by: `--${name} ${word}` };
    });
  }
  if (name === "join" && value.includes("=")) {
    const word = value.slice(0, value.indexOf("="));
    return [{ kind: kindOf(word), choice: "joined", by: `--join ${word}` }];
  }
  if (name === "network") {
    const mode = /^[^:]*/.exec(value)![0];
    const choice = mode === "host" ? "shared" : mode === "join" ? "joined" : "new";
    return [{ kind: "net", choice, by: `--network ${mode}` }];
  }
  return OF_THE_GATE.includes(name) ? [{ kind: "net", choice: "new", by: `--${name}` }] : [];
}

/** Throws a `SpecError` that names both options. */
export function checkNamespaceChoices(given: readonly Given<RunRequest>[]): void {
  // One mode takes the place of another.
  const mode = given.findLast(({ option }) => option.name === "network");
  const found = given.filter((it) => it.option.name !== "network" || it === mode).flatMap(wishes)
    .sort((a, b) => a.by < b.by ? -1 : 1);
  for (const [index, a] of found.entries()) {
    const b = found.slice(index + 1).find((it) => it.kind === a.kind && it.choice !== a.choice);
    if (b === undefined) continue;
    throw new SpecError(
      a.by,
      `wants a ${a.kind} namespace that is ${WHOSE[a.choice]}, and ${b.by} one that is ${
        WHOSE[b.choice]
      }; give one of them`,
    );
  }
}
