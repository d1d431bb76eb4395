/**
 * Whatever bytes come, a decoder returns or throws the one error that it has for them. It neither
 * hangs nor reads out of bounds: a typed array would give `undefined` there, and a DataView a
 * RangeError, which is not that error.
 */
import { assert } from "@std/assert";
import fc from "fast-check";
import { decodeAddress } from "../../lib/net/address.ts";
import { decodeLink } from "../../lib/net/link_message.ts";
import {
  Attributes,
  decodeError,
  decodeMessages,
  eachAttribute,
  MalformedMessageError,
  MessageBuilder,
  Netlink,
  NLM_F_DUMP,
} from "../../lib/net/mod.ts";
import { decodeNeighbour } from "../../lib/net/neighbour.ts";
import { decodeQdisc } from "../../lib/net/qdisc.ts";
import { decodeRoute } from "../../lib/net/route.ts";
import { decodeRule } from "../../lib/net/rule.ts";

const MUTATIONS = 100_000;

/** What this kernel really sends: lists of all sorts, and a refusal with its explanation. */
function realAnswers(): Uint8Array<ArrayBuffer>[] {
  using netlink = Netlink.open();
  const answers: Uint8Array<ArrayBuffer>[] = [];
  // RTM_GETLINK, GETADDR, GETROUTE, GETNEIGH, GETRULE, GETQDISC with their fixed parts.
  const questions: [number, number][] = [[18, 16], [22, 8], [26, 12], [30, 12], [34, 12], [38, 20]];
  const ask = (message: MessageBuilder) => {
    netlink.send(message.finish(7));
    for (let more = true; more;) {
      const got = netlink.receive();
      for (const { type, flags, payload } of got) {
        const header = new MessageBuilder(type, flags).bytes(payload).finish(7);
        answers.push(header);
      }
      more = got.every(({ type }) => type !== 3 && type !== 2);
    }
  };
  for (const [type, size] of questions) ask(new MessageBuilder(type, NLM_F_DUMP).pad(size));
  ask(new MessageBuilder(16).pad(16).text(3, "x".repeat(40)));
  return answers;
}

const ABOUT = { request: "RTM_TEST" };
const DECODERS = [decodeLink, decodeAddress, decodeRoute, decodeNeighbour, decodeRule, decodeQdisc];

/** Reads bytes in every way there is. */
function readAll(bytes: Uint8Array<ArrayBuffer>): void {
  for (const message of decodeMessages(bytes)) {
    for (const decode of [...DECODERS, (it: typeof message) => decodeError(it, ABOUT)]) {
      try {
        decode(message);
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error;
      }
    }
    for (const { value } of eachAttribute(message.payload, Math.min(16, message.payload.length))) {
      for (const { type } of eachAttribute(value)) new Attributes(value).text(type);
    }
  }
}

Deno.test(`decoders: ${MUTATIONS} mutated messages are read or refused`, () => {
  const real = realAnswers();
  assert(real.length > 10);
  // A canary behind the bytes: a reader that trusts a length would find it.
  const room = new Uint8Array(1 << 17);
  const mutation = fc.record({
    message: fc.nat(real.length - 1),
    // Lengths and types are 16 and 32 bits; small places are headers.
    changes: fc.array(
      fc.record({
        at: fc.oneof(fc.nat(40), fc.nat(2000)),
        value: fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 0x7f, 0x80, 0xff), fc.nat(255)),
      }),
      { maxLength: 8 },
    ),
    cut: fc.option(fc.nat(2000)),
  });
  const started = performance.now();
  let refused = 0;
  fc.assert(
    fc.property(mutation, ({ message, changes, cut }) => {
      const source = real[message]!;
      const bytes = room.subarray(64, 64 + source.length);
      bytes.set(source);
      for (const { at, value } of changes) bytes[at % bytes.length] = value;
      try {
        readAll(cut == null ? bytes : bytes.subarray(0, cut % (bytes.length + 1)));
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error;
        refused++;
      }
    }),
    { numRuns: MUTATIONS },
  );
  // Some must have been caught, or nothing was tried.
  assert(refused > MUTATIONS / 100, `${refused}`);
  assert(performance.now() - started < 120_000);
});

Deno.test("decoders: random bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        readAll(new Uint8Array(bytes));
      } catch (error) {
        if (!(error instanceof MalformedMessageError)) throw error;
      }
    }),
    { numRuns: 10_000 },
  );
});

Deno.test("builder: what it makes of any attributes is what the decoder finds", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 600 })),
        { selector: ([type]) => type, maxLength: 30 },
      ),
      (attributes) => {
        const message = new MessageBuilder(16).pad(16);
        for (const [type, value] of attributes) message.attribute(type, value);
        const [decoded] = decodeMessages(message.finish(1));
        const found = new Attributes(decoded!.payload, 16);
        for (const [type, value] of attributes) {
          const got = found.bytes(type)!;
          if (got.length !== value.length || got.some((byte, at) => byte !== value[at])) {
            return false;
          }
        }
        return true;
      },
    ),
    { numRuns: 2000 },
  );
});
