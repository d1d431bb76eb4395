/**
 * What the schema of a description is made of: plain data that says of every field what it may be
 * and what it is for. The check of descriptions, the JSON Schema, the table in the documentation and
 * the merging of files all read it.
 *
 * @module
 */

/** What every node can say of itself. */
export interface About {
  /** What the field is for, in a sentence or two of Markdown without links. */
  readonly about?: string;
  /** What holds where it is not given, as text. */
  readonly default?: string;
  /** A right value as YAML, for an error to show. */
  readonly example?: string;
}

/** A text; `at` says that it is a path, and where. */
export interface TextNode extends About {
  readonly is: "text";
  /** Bytes are as good, for what is no UTF-8. */
  readonly bytes?: boolean;
  /** A path of the host (relative ones start at the file), or an absolute one inside. */
  readonly at?: "host" | "inside" | "module";
  /** It may be empty. Default: false for paths, else true. */
  readonly empty?: boolean;
  /** What it looks like, as a regular expression. */
  readonly pattern?: string;
  /** What a text that does not match the pattern is told, after "is not". */
  readonly called?: string;
}

/** True or false. */
export interface FlagNode extends About {
  readonly is: "flag";
}

/** The value true and nothing else. */
export interface TrueNode extends About {
  readonly is: "true";
}

/** A number from `least` to `most`; whole unless `decimal`. */
export interface NumberNode extends About {
  readonly is: "number";
  readonly least?: number;
  readonly most?: number;
  readonly decimal?: boolean;
}

/** Something that `lib/quantity.ts` reads. */
export interface QuantityNode extends About {
  readonly is: "size" | "duration" | "mode" | "bitrate";
  /** The least, in bytes. */
  readonly least?: number;
  /** A time must be longer than nothing. */
  readonly positive?: boolean;
}

/** A list of processors or memory nodes, such as `0-3,8`. */
export interface CpuListNode extends About {
  readonly is: "cpus";
}

/** One of some words. */
export interface WordNode<Word extends string = string> extends About {
  readonly is: "word";
  readonly words: readonly Word[];
  /** What else is said of a word that is none of them. */
  readonly hint?: string;
}

/** A list. */
export interface ListNode<Item extends Node = Node> extends About {
  readonly is: "list";
  readonly of: Item;
  /** At least so many. */
  readonly least?: number;
  /** What becomes of it where a later file says it too. Default: the later one replaces it. */
  readonly merge?: "append" | "by-target";
}

/** A mapping with any keys. */
export interface DictionaryNode<Value extends Node = Node> extends About {
  readonly is: "dictionary";
  readonly of: Value;
  /** What the keys are. */
  readonly keys?: QuantityNode;
}

/** The keys of a record. */
export interface Keys {
  readonly [key: string]: Node;
}

/** A mapping with these keys and no others. */
export interface RecordNode<Fields extends Keys = Keys, Needed extends string = string>
  extends About {
  readonly is: "record";
  readonly keys: Fields;
  /** Those that must be there. */
  readonly needed: readonly Needed[];
  /** What others call a key, and what is said of it: another key, or a remark. */
  readonly meant?: Readonly<Record<string, string>>;
  /** What is said of any other key. */
  readonly hint?: string;
}

/** One of several. */
export interface EitherNode<Of extends Node = Node> extends About {
  readonly is: "either";
  readonly of: readonly Of[];
}

/** Records that are told apart by the word in one of their keys. */
export interface KindsNode<By extends string = string, Kinds extends Keys = Keys> extends About {
  readonly is: "kinds";
  /** The key. */
  readonly by: By;
  /** The records by that word; each without that key. */
  readonly kinds: Kinds;
  /** What is said of a word that is none of them. */
  readonly hint?: string;
  /** The word where it is not given; only in files. */
  readonly otherwise?: string;
}

/** A mapping that is checked elsewhere. */
export interface OpaqueNode<Type = unknown> extends About {
  readonly is: "opaque";
  /** Never there: what TypeScript takes it for. */
  readonly type?: Type;
}

/** Any of them. */
export type Node =
  | TextNode
  | FlagNode
  | TrueNode
  | NumberNode
  | QuantityNode
  | CpuListNode
  | WordNode
  | ListNode
  | DictionaryNode
  | RecordNode
  | EitherNode
  | KindsNode
  | OpaqueNode;

/** The type of the values that a node describes. */
export type TypeOf<N> = N extends { is: "text"; bytes: true } ? string | Uint8Array
  : N extends { is: "text" | "cpus" } ? string
  : N extends { is: "flag" } ? boolean
  : N extends { is: "true" } ? true
  : N extends { is: "number" } ? number
  : N extends { is: "size" | "duration" | "mode" | "bitrate" } ? string | number
  : N extends { is: "word"; words: readonly (infer Word)[] } ? Word
  : N extends { is: "list"; of: infer Item } ? TypeOf<Item>[]
  : N extends { is: "dictionary"; of: infer Value } ? Record<string, TypeOf<Value>>
  : N extends { is: "record"; keys: infer Fields; needed: readonly (infer Needed)[] } ?
      & { -readonly [Key in Extract<keyof Fields, Needed>]: TypeOf<Fields[Key]> }
      & { -readonly [Key in Exclude<keyof Fields, Needed>]?: TypeOf<Fields[Key]> }
  : N extends { is: "either"; of: readonly (infer Of)[] } ? TypeOf<Of>
  : N extends { is: "kinds"; by: infer By extends string; kinds: infer Kinds }
    ? { [Kind in keyof Kinds]: { [key in By]: Kind } & TypeOf<Kinds[Kind]> }[keyof Kinds]
  : N extends { is: "opaque"; type?: infer Type } ? Type
  : never;

/** A record; a function, so that TypeScript keeps the names of what must be there. */
export function record<
  const Fields extends Keys,
  const Needed extends keyof Fields & string = never,
>(
  about: string,
  keys: Fields,
  needed: readonly Needed[] = [],
  more: Pick<RecordNode, "meant" | "hint" | "default" | "example"> = {},
): RecordNode<Fields, Needed> {
  return { is: "record", about, keys, needed, ...more };
}

/** One of several. */
export function either<const Of extends readonly Node[]>(
  about: string,
  of: Of,
  more: Omit<About, "about"> = {},
): EitherNode<Of[number]> {
  return { is: "either", about, of, ...more };
}

/** A list. */
export function list<const Item extends Node>(
  about: string,
  of: Item,
  more: Pick<ListNode, "least" | "merge" | "default" | "example"> = {},
): ListNode<Item> {
  return { is: "list", about, of, ...more };
}

/** One of some words. */
export function word<const Word extends string>(
  about: string,
  words: readonly Word[],
  more: Pick<WordNode, "default" | "example" | "hint"> = {},
): WordNode<Word> {
  return { is: "word", about, words, ...more };
}

/** True or false. */
export function flag(about: string, otherwise = "false"): FlagNode {
  return { is: "flag", about, default: otherwise };
}

/** A text. */
export function text(about: string, more: Omit<TextNode, "is" | "about" | "bytes"> = {}): TextNode {
  return { is: "text", about, ...more };
}

/** A whole number. */
export function number(
  about: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
  more: Omit<About, "about"> = {},
): NumberNode {
  return { is: "number", about, least, most, ...more };
}

/** A size, such as `64M`. */
export function size(about: string, more: Omit<QuantityNode, "is" | "about"> = {}): QuantityNode {
  return { is: "size", about, ...more };
}
