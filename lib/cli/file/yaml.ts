/**
 * Reads YAML, and tells where in the text each value stands. The parser's events have the places,
 * which is why this is not `@std/yaml`: a message without a line is of no use in a long file.
 *
 * @module
 */

import {
  binaryTag,
  constructFromEvents,
  CORE_SCHEMA,
  defineScalarTag,
  EVENT_ID,
  getScalarValue,
  mergeTag,
  parseEvents,
  YAMLException,
} from "npm:js-yaml@^5.5.0";

/** A text that is marked by `!env`: variables are filled in. */
export class Marked {
  /** Takes the text as it was written. */
  constructor(readonly text: string) {}
}

/** What is marked by `!reset`: what earlier files say of it is forgotten. */
export class Reset {}

const NEVER = () => false;
const SCHEMA = CORE_SCHEMA.withTags(
  mergeTag,
  binaryTag,
  defineScalarTag("!env", { resolve: (text) => new Marked(text), identify: NEVER }),
  defineScalarTag("!reset", { resolve: () => new Reset(), identify: NEVER }),
);

/** Where a value stands, and where the values in it do. */
export interface Origin {
  /** The file. */
  readonly file: string;
  /** From 1 on. */
  readonly line: number;
  /** From 1 on. */
  readonly column: number;
  /** By key, or by index. */
  readonly children: Map<string, Origin>;
}

/** What is wrong with a text that is no YAML. */
export class YamlError extends Error {
  /** Takes what is wrong, and where. */
  constructor(message: string, readonly line: number, readonly column: number) {
    super(message);
  }
}

/** What to do about the parser's messages, by a part of them. */
const REMEDIES: readonly [part: string, remedy: string][] = [
  ["tab characters", "indent with spaces"],
  ["within a flow collection", "close it with ] or }"],
  ["duplicated mapping key", "say it once"],
  ["unknown scalar tag", "there are !env, !reset and !!binary"],
  ["unknown", "there are !env, !reset and !!binary"],
  ["bad indentation", 'put a text with ": " or a special first character in quotes'],
  ["deficient indentation", "indent it further, or close the quotes"],
  ["unidentified alias", 'put a text that begins with "*" in quotes'],
  ["document separator", "indent what belongs together alike"],
];

/** Turns what the parser throws into what can be shown. */
function understood(error: unknown): unknown {
  if (!(error instanceof YAMLException)) return error;
  const remedy = REMEDIES.find(([part]) => error.reason.includes(part))?.[1];
  const reason = error.reason.replace(/!<(!\S+)>/, "$1");
  return new YamlError(
    `is no YAML: ${reason}${remedy === undefined ? "" : `; ${remedy}`}`,
    (error.mark?.line ?? 0) + 1,
    (error.mark?.column ?? 0) + 1,
  );
}

type Events = ReturnType<typeof parseEvents>;
type Event = Events[number];

/** Offsets to lines and columns. */
function places(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let line = starts.length;
    while (line > 1 && starts[line - 1]! > offset) line--;
    return { line, column: Math.max(1, offset - starts[line - 1]! + 1) };
  };
}

/** Where an event's text starts. */
function offset(event: Event): number {
  if (event.type === EVENT_ID.SCALAR) {
    const quoted = event.style === 2 || event.style === 3;
    return event.tagStart >= 0 ? event.tagStart : event.valueStart - (quoted ? 1 : 0);
  }
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
  return "start" in event ? event.start : 0;
}

/** The places of all values, from the events of one document. */
function originOf(events: Events, text: string, file: string): Origin {
  const place = places(text);
  let at = 1;
  const read = (start?: number): Origin => {
    const event = events[at++]!;
    const origin = { file, ...place(start ?? offset(event)), children: new Map<string, Origin>() };
    if (event.type === EVENT_ID.SEQUENCE) {
      for (let index = 0; events[at]!.type !== EVENT_ID.POP; index++) {
        origin.children.set(String(index), read());
      }
      at++;
    } else if (event.type === EVENT_ID.MAPPING) {
      while (events[at]!.type !== EVENT_ID.POP) {
        const key = events[at]!;
        read();
        const name = key.type === EVENT_ID.SCALAR ? getScalarValue(text, key) : "";
        // A value's place is its key's: there one looks for it.
        origin.children.set(name, read(offset(key)));
      }
      at++;
    }
    return origin;
  };
  return read();
}

/** A document's value, and where it stands. */
export interface YamlDocument {
  readonly value: unknown;
  readonly origin: Origin;
}

/** Reads a document. Throws a {@linkcode YamlError}. */
export function parseYaml(text: string, file: string): YamlDocument {
  try {
    const events = parseEvents(text, {});
    const documents = constructFromEvents(events, { source: text, schema: SCHEMA, filename: file });
    if (documents.length > 1) {
      const place = places(text)(
        Math.max(0, text.search(/^---/m) + (text.startsWith("---") ? 1 : 0)),
      );
      throw new YamlError(
        "holds more than one document; give each a file of its own, and several -f",
        place.line,
        place.column,
      );
    }
    if (documents.length === 0) {
      throw new YamlError("is empty; `paddock init` writes one to start with", 1, 1);
    }
    return { value: documents[0], origin: originOf(events, text, file) };
  } catch (error) {
    throw understood(error);
  }
}

/** The place of a field such as `mounts[0].size`, or of the nearest around it that is written down. */
export function originAt(origin: Origin, field: string): Origin {
  let at = origin, rest = field;
  for (;;) {
    // The longest key first: a variable's name may have dots in it.
    const keys = [...at.children.keys()].sort((a, b) => b.length - a.length);
    const key = keys.find((name) => {
      const step = rest.startsWith("[") ? `[${name}]` : name;
      return rest.startsWith(step) && /^($|\.|\[)/.test(rest.slice(step.length));
    });
    if (key === undefined || rest === "") return at;
    rest = rest.slice(rest.startsWith("[") ? key.length + 2 : key.length).replace(/^\./, "");
    at = at.children.get(key)!;
  }
}
