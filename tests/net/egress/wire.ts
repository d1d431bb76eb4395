/**
 * Messages as clients send them, for the tests.
 *
 * @module
 */

const two = (number: number) => [number >> 8, number & 255];
const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));

/** A ClientHello in one record, with a server_name extension for each name. */
export function clientHello(...names: (string | undefined)[]): Uint8Array<ArrayBuffer> {
  const extensions = names.flatMap((name) => {
    if (name === undefined) return [];
    const list = [0, ...two(name.length), ...ascii(name)];
    return [0, 0, ...two(list.length + 2), ...two(list.length), ...list];
  });
  const grease = [0x0a, 0x0a, 0, 1, 0];
  const all = [...grease, ...extensions];
  const body = [
    3,
    3,
    ...new Array<number>(32).fill(7),
    0,
    ...two(2),
    0x13,
    0x01,
    1,
    0,
    ...two(all.length),
    ...all,
  ];
  const message = [1, 0, ...two(body.length), ...body];
  return Uint8Array.from([22, 3, 1, ...two(message.length), ...message]);
}

/** A question with the id 0x1234. */
export function dnsQuery(name: string, type: number): Uint8Array<ArrayBuffer> {
  const labels = name.split(".").flatMap((label) => [label.length, ...ascii(label)]);
  return Uint8Array.from([
    0x12,
    0x34,
    1,
    0,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    ...labels,
    0,
    ...two(type),
    0,
    1,
  ]);
}
