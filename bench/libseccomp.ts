/**
 * The default profile as libseccomp compiles it, by its own library: for comparison only.
 *
 * @module
 */

import { ALLOWED } from "../lib/seccomp/default_allowed.ts";
import { PARTLY_ALLOWED } from "../lib/seccomp/default_arguments.ts";
import { BLOCKED } from "../lib/seccomp/default_blocked.ts";
import { memfdCreate, syscall } from "../lib/sys/mod.ts";

const SYMBOLS = {
  seccomp_init: { parameters: ["u32"], result: "pointer" },
  seccomp_syscall_resolve_name: { parameters: ["buffer"], result: "i32" },
  seccomp_rule_add_array: {
    parameters: ["pointer", "u32", "i32", "u32", "buffer"],
    result: "i32",
  },
  seccomp_export_bpf: { parameters: ["pointer", "i32"], result: "i32" },
  seccomp_release: { parameters: ["pointer"], result: "void" },
} as const;

const ALLOW = 0x7fff_0000, ERRNO = 0x0005_0000, EPERM = 1, ENOSYS = 38;
const EQUAL = 4, MASKED_EQUAL = 7;

/** `struct scmp_arg_cmp`. */
function compare(argument: number, operation: number, a: bigint, b = 0n): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, argument, true);
  view.setUint32(4, operation, true);
  view.setBigUint64(8, a, true);
  view.setBigUint64(16, b, true);
  return new Uint8Array(view.buffer);
}

/** Alternatives under which a call is allowed; those that are not here are with any arguments. */
const CONDITIONS: Readonly<Record<string, readonly Uint8Array<ArrayBuffer>[]>> = {
  clone: [compare(0, MASKED_EQUAL, 0x7e02_0000n)],
  unshare: [compare(0, MASKED_EQUAL, 0x7e02_0080n)],
  personality: [0n, 8n, 0x2_0000n, 0x2_0008n, 0x4_0000n, 0xffff_ffffn]
    .map((value) => compare(0, EQUAL, value)),
  socket: [1n, 2n, 10n, 16n].map((family) => compare(0, EQUAL, family)),
  socketpair: [compare(0, EQUAL, 1n)],
};

/** The bytes of the filter, or undefined where there is no libseccomp. */
export function libseccompFilter(): Uint8Array<ArrayBuffer> | undefined {
  let library: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    library = Deno.dlopen("libseccomp.so.2", SYMBOLS);
  } catch {
    return undefined;
  }
  const { symbols } = library;
  const context = symbols.seccomp_init(ERRNO | ENOSYS);
  const add = (name: string, action: number, conditions: readonly Uint8Array<ArrayBuffer>[]) => {
    const number = symbols.seccomp_syscall_resolve_name(new TextEncoder().encode(`${name}\0`));
    if (number < 0) return;
    for (const condition of conditions.length === 0 ? [new Uint8Array(24)] : conditions) {
      symbols.seccomp_rule_add_array(
        context,
        action,
        number,
        conditions.length === 0 ? 0 : 1,
        condition,
      );
    }
  };
  for (const name of [...Object.values(ALLOWED).flat(), ...PARTLY_ALLOWED]) {
    add(name, ALLOW, CONDITIONS[name] ?? []);
  }
  for (const { calls, errno } of BLOCKED) {
    if (errno !== "ENOSYS") { for (const name of calls) add(name, ERRNO | EPERM, []); }
  }
  const file = memfdCreate("filter");
  symbols.seccomp_export_bpf(context, file);
  symbols.seccomp_release(context);
  const bytes = new Uint8Array(64 * 1024);
  const length = syscall("pread64", file, bytes, bytes.length, 0);
  syscall("close", file);
  return bytes.slice(0, length);
}
