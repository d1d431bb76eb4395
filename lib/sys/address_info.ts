/**
 * Names to addresses, the way this machine's programs do it: getaddrinfo(3), with `/etc/hosts`,
 * nsswitch.conf(5) and all.
 *
 * @module
 */

import { AF_INET, AF_INET6, SOCK_STREAM } from "./abi/socket.ts";
import { openLibrary } from "./libc.ts";

const SYMBOLS = {
  /** `int getaddrinfo(const char *node, const char *service, hints, struct addrinfo **res)` */
  getaddrinfo: {
    parameters: ["buffer", "pointer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  /** `void freeaddrinfo(struct addrinfo *res)` */
  freeaddrinfo: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

let opened: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

/** `AI_ADDRCONFIG` of `netdb.h`: no IPv6 addresses where there is no IPv6. */
const AI_ADDRCONFIG = 0x20;
// struct addrinfo of 64-bit machines.
const SIZE = 48, FAMILY = 4, SOCKTYPE = 8, ADDRESS = 24, NEXT = 40;

/** What getaddrinfo(3) returns instead of an errno, by number. */
const ERRORS: Record<number, string> = {
  [-2]: "EAI_NONAME",
  [-3]: "EAI_AGAIN",
  [-4]: "EAI_FAIL",
  [-5]: "EAI_NODATA",
  [-10]: "EAI_MEMORY",
  [-11]: "EAI_SYSTEM",
};

/**
 * The addresses of a name, in the order in which to try them: 4 or 16 bytes each. A name that
 * cannot be resolved gives the error's name instead, e.g. `EAI_NONAME`. Does not block JavaScript.
 *
 * Permissions: `--allow-ffi`. Source: getaddrinfo(3).
 *
 * @example
 * ```ts
 * import { addressInfo } from "@paddock/paddock/sys";
 *
 * console.log(await addressInfo("localhost")); // [Uint8Array of 127, 0, 0, 1], or of ::1
 * ```
 */
export async function addressInfo(name: string): Promise<Uint8Array<ArrayBuffer>[] | string> {
  if (name === "" || name.includes("\0")) return "EAI_NONAME";
  opened ??= openLibrary(SYMBOLS);
  const hints = new Uint8Array(SIZE);
  const view = new DataView(hints.buffer);
  view.setInt32(0, AI_ADDRCONFIG, true);
  view.setInt32(SOCKTYPE, SOCK_STREAM, true);
  const list = new BigUint64Array(1);
  const node = new TextEncoder().encode(`${name}\0`);
  const code = await opened.getaddrinfo(node, null, hints, list);
  if (code !== 0) return ERRORS[code] ?? `EAI ${code}`;
  const addresses: Uint8Array<ArrayBuffer>[] = [];
  for (let entry = Deno.UnsafePointer.create(list[0]!); entry !== null;) {
    const info = new Deno.UnsafePointerView(entry);
    const family = info.getInt32(FAMILY), address = info.getPointer(ADDRESS);
    const [at, length] = family === AF_INET ? [4, 4] : family === AF_INET6 ? [8, 16] : [0, 0];
    if (address !== null && length > 0) {
      const bytes = new Uint8Array(length);
      new Deno.UnsafePointerView(address).copyInto(bytes, at);
      addresses.push(bytes);
    }
    entry = info.getPointer(NEXT);
  }
  opened.freeaddrinfo(Deno.UnsafePointer.create(list[0]!));
  return addresses;
}
