/** The schema and the TypeScript types say the same; `deno check` fails where they do not. */
import type { SandboxSpec } from "../../lib/spec.ts";
import type { TypeOf } from "../../lib/schema/node.ts";
import type { SPEC } from "../../lib/schema/spec.ts";

/** Without `readonly`, with the members of intersections in one place, and one shape a mode. */
type Flat<T> = T extends Uint8Array ? T
  : T extends readonly (infer Item)[] ? Flat<Item>[]
  : T extends { mode: infer Mode extends string } ? EachMode<T, Mode>
  : T extends object ? { -readonly [Key in keyof T]: Flat<T[Key]> }
  : T;
type EachMode<T, Mode> = Mode extends string
  ? { -readonly [Key in keyof T]: Key extends "mode" ? Mode : Flat<T[Key]> }
  : never;
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

type Theirs = { [Field in keyof Required<SandboxSpec>]: Flat<SandboxSpec[Field]> };
type Ours = TypeOf<typeof SPEC>;

/** The fields about which they do not agree, with what each says. */
type Disagreements = {
  [Field in keyof Theirs as Equal<Theirs[Field], Flat<Ours[Field]>> extends true ? never : Field]: {
    types: Theirs[Field];
    schema: Flat<Ours[Field]>;
  };
};

const none: Disagreements = {};
const sameFields: Equal<keyof SandboxSpec, keyof Ours> = true;
const sameNeeded: Equal<
  { [Field in keyof SandboxSpec]: undefined extends SandboxSpec[Field] ? 0 : 1 },
  { [Field in keyof Ours]: undefined extends Ours[Field] ? 0 : 1 }
> = true;

Deno.test("the schema and the types agree", () => {
  // It is the compiler that checks; see the types above.
  void [none, sameFields, sameNeeded];
});
