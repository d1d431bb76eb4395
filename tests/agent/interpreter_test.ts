import { assertEquals } from "@std/assert";
import { OPERATION_SIZE } from "../../lib/agent/assembler.ts";
import { BOOT } from "../../lib/agent/layout.ts";
import type { Operation } from "../../lib/agent/operation.ts";
import { ERRNO } from "../../lib/sys/abi/errno.ts";
import type { Arch } from "../../lib/sys/arch.ts";
import { syscallNumber } from "../../lib/sys/syscall_numbers.ts";
import { run, say, tell, whyNot } from "./run_program.ts";

const MINUS = (value: number) => BigInt.asUintN(64, BigInt(-value));
const NO_FD = 0x7fff_0000;

/** A call that always fails with EBADF. */
const FAILS: Operation = { call: "close", args: [NO_FD] };

interface Case {
  name: string;
  operations: Operation[];
  options?: Parameters<typeof run>[2];
  words: bigint[] | ((arch: Arch) => bigint[]);
  code?: number;
}

const handled = (...operations: Operation[]): Operation[] => [
  { call: "HANDLER", args: [{ label: "handler" }, { at: "record" }] },
  ...operations,
  { call: "SET", args: [0], goto: "end" },
  { ...say(0xbad)[0]!, label: "handler" },
  say(0xbad)[1]!,
  { call: "SET", args: [0], label: "end" },
];

const CASES: Case[] = [
  {
    name: "immediates of 64 bits, small, large and negative",
    operations: [0, 1, 0xffff_ffff, 0x1_0000_0000, 0xffff_ffff_ffff_fff0n, -5].flatMap((value) =>
      say(value)
    ),
    words: [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_fff0n, MINUS(5)],
  },
  {
    name: "loads of 64 and of 32 bits, the latter zero-extended, at an offset",
    options: {
      contents: { source: new Uint8Array(new BigUint64Array([0x8877_6655_4433_2211n, 7n]).buffer) },
    },
    operations: [
      ...say({ load: "source" }),
      ...say({ load32: "source" }),
      ...say({ load32: { name: "source", offset: 4 } }),
      ...say({ load: { name: "source", offset: 8 } }),
    ],
    words: [0x8877_6655_4433_2211n, 0x4433_2211n, 0x8877_6655n, 7n],
  },
  {
    name: "stores of 64 and of 32 bits, the latter leaving the rest",
    options: { contents: { cell: new Uint8Array(8).fill(0xff) } },
    operations: [
      { call: "SET", args: [0x1_2345_6789n], store: "cell", store32: true },
      tell("cell"),
      { call: "SET", args: [0x1_2345_6789n], store: "cell" },
      tell("cell"),
    ],
    words: [0xffff_ffff_2345_6789n, 0x1_2345_6789n],
  },
  {
    name: "all six arguments reach the call, loaded or not",
    // pwrite64 takes four; splice six: a null offset, a length of 0, flags of 0 give EBADF or 0.
    options: { contents: { first: new Uint8Array(new BigUint64Array([3n]).buffer) } },
    operations: [
      { call: "ADD", args: [{ load: "first" }, { load32: "first" }], store: "sum" },
      tell("sum"),
      // mmap(0, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0): the fifth must be -1.
      { call: "mmap", args: [0, 4096, 1, 0x22, -1, 0], store: "mapped" },
      { call: "AND", args: [{ load: "mapped" }, 0xfff], store: "low" },
      tell("low"),
      // The sixth: an offset that is no multiple of a page is EINVAL.
      { call: "mmap", args: [0, 4096, 1, 0x22, -1, 1], store: "refused", onError: "ignore" },
      tell("refused"),
    ],
    words: [6n, 0n, MINUS(ERRNO.EINVAL)],
  },
  {
    name: "sums, differences, bits",
    operations: [
      { call: "ADD", args: [0xffff_ffff, 1], store: "cell" },
      tell("cell"),
      { call: "SUBTRACT", args: [5, 7], store: "cell", onError: "ignore" },
      tell("cell"),
      { call: "AND", args: [0xff00_ff00_ff00_ff00n, 0x0ff0_0ff0_0ff0_0ff0n], store: "cell" },
      tell("cell"),
    ],
    words: [0x1_0000_0000n, MINUS(2), 0x0f00_0f00_0f00_0f00n],
  },
  {
    name: "branches: always, on equal, on not equal, and not taken",
    operations: [
      { call: "SET", args: [0], goto: "over" },
      ...say(0xbad),
      { call: "SET", args: [5], when: { equals: 5 }, goto: "equal", label: "over" },
      ...say(0xbad),
      { call: "SET", args: [5], when: { equals: 6 }, goto: "wrong", label: "equal" },
      { call: "SET", args: [5], when: { differs: 5 }, goto: "wrong" },
      { call: "SET", args: [5], when: { differs: 6 }, goto: "different" },
      ...say(0xbad),
      { ...say(1)[0]!, label: "different" },
      say(1)[1]!,
      { call: "SET", args: [0], goto: "end" },
      { ...say(0xbad2)[0]!, label: "wrong" },
      say(0)[1]!,
      { call: "SET", args: [0], label: "end" },
    ],
    words: [1n],
  },
  {
    name: "a branch on a negative result that is ignored",
    operations: [
      { ...FAILS, onError: "ignore", when: { equals: -ERRNO.EBADF }, goto: "seen" },
      ...say(0xbad),
      { ...say(1)[0]!, label: "seen" },
      say(1)[1]!,
    ],
    words: [1n],
  },
  {
    name: "a loop that counts",
    operations: [
      { call: "ADD", args: [{ load: "count" }, 1], store: "count", label: "again" },
      { call: "SET", args: [{ load: "count" }], when: { differs: 1000 }, goto: "again" },
      tell("count"),
    ],
    words: [1000n],
  },
  {
    name: "an ignored error is stored and goes on",
    operations: handled({ ...FAILS, onError: "ignore", store: "cell" }, tell("cell")),
    words: [MINUS(ERRNO.EBADF)],
  },
  {
    name: "a tolerated errno goes on, another one stops",
    operations: [
      ...handled(
        { ...FAILS, onError: { tolerate: "EBADF" } },
        ...say(1),
        { ...FAILS, onError: { tolerate: "ENOENT" } },
        ...say(0xbad2),
      ),
    ],
    words: [1n, 0xbadn],
  },
  {
    name: "an error can branch, a success does not",
    operations: handled(
      { call: "getpid", onError: { goto: "wrong" } },
      { ...FAILS, onError: { goto: "caught" } },
      { ...say(0xbad2)[0]!, label: "wrong" },
      say(0)[1]!,
      { ...say(1)[0]!, label: "caught" },
      say(1)[1]!,
    ),
    words: [1n],
  },
  {
    name: "an error that stops is recorded: step, errno, call, address",
    options: { buffers: { record: 24 } },
    operations: [
      { call: "HANDLER", args: [{ label: "handler" }, { at: "record" }] },
      { ...FAILS, step: 513 },
      ...say(0xbad),
      { ...tell("record"), label: "handler" },
      tell({ name: "record", offset: 8 }),
      tell({ name: "record", offset: 16 }),
    ],
    words: (arch) => [
      (BigInt.asUintN(32, BigInt(-ERRNO.EBADF)) << 32n) | 513n,
      BigInt(syscallNumber("close", arch)!),
      BigInt(BOOT + OPERATION_SIZE) << 32n,
    ],
  },
  {
    name: "a pseudo operation can fail on purpose, as fault injection does",
    options: { buffers: { record: 24 } },
    operations: [
      { call: "HANDLER", args: [{ label: "handler" }, { at: "record" }] },
      { call: "SET", args: [-ERRNO.EIO], step: 7 },
      ...say(0xbad),
      { ...tell("record"), label: "handler" },
    ],
    words: [(BigInt.asUintN(32, BigInt(-ERRNO.EIO)) << 32n) | 7n],
  },
  {
    name: "a result just outside of the errnos is none",
    operations: handled({ call: "SET", args: [-4096], store: "cell" }, tell("cell"), {
      call: "SET",
      args: [-4095],
    }),
    words: [MINUS(4096), 0xbadn],
  },
  {
    name: "a child of clone goes on at its branch, with the same registers",
    operations: [
      { call: "HANDLER", args: [{ label: "bad" }, { at: "record" }] },
      // clone(SIGCHLD): also where clone3 is not to be had.
      { call: "clone", args: [17, 0, 0, 0, 0], store: "pid", when: { equals: 0 }, goto: "child" },
      { call: "wait4", args: [{ load: "pid" }, { at: "status" }, 0, 0] },
      tell("status"),
      { call: "SET", args: [0], goto: "end" },
      { call: "exit_group", args: [5], label: "child" },
      { call: "exit_group", args: [9], label: "bad" },
      { call: "SET", args: [0], label: "end" },
    ],
    words: [0x500n],
  },
  {
    name: "text, words and addresses",
    operations: [
      { call: "openat", args: [-100, "/dev/null", 1, 0], store: "null" },
      {
        call: "writev",
        args: [1, { words: [{ at: "cell" }, 8, { words: [7, 8] }, 16] }, 2],
        store: "count",
      },
      tell("count"),
    ],
    options: { contents: { cell: new Uint8Array(8).fill(1) } },
    words: [0x0101_0101_0101_0101n, 7n, 8n, 24n],
  },
  { name: "the exit code", operations: [{ call: "exit_group", args: [42] }], words: [], code: 42 },
];

const DECIMALS = [0n, 9n, 10n, 99n, 100n, 4294967295n, 4294967296n, 18446744073709551615n];

for (const arch of ["x86_64", "aarch64"] as const) {
  const reason = whyNot(arch);
  if (reason) console.warn(`skipped: the interpreter on ${arch}: ${reason}`);
  for (const { name, operations, options, words, code = 0 } of CASES) {
    Deno.test({
      name: `interpreter, ${arch}: ${name}`,
      ignore: reason !== undefined,
      fn: async () => {
        const expected = typeof words === "function" ? words(arch) : words;
        assertEquals(await run(arch, operations, options), { words: expected, code });
      },
    });
  }
  Deno.test({
    name: `interpreter, ${arch}: decimal numbers`,
    ignore: reason !== undefined,
    fn: async () => {
      const operations = DECIMALS.flatMap((value, index): Operation[] => [
        { call: "DECIMAL", args: [value, { at: `text ${index}` }], store: "length" },
        tell("length"),
        ...[0, 8, 16].map((offset) => tell({ name: `text ${index}`, offset })),
      ]);
      const contents = Object.fromEntries(
        DECIMALS.map((_, index) => [`text ${index}`, new Uint8Array(24).fill(0xee)]),
      );
      const { words } = await run(arch, operations, { contents });
      const bytes = new Uint8Array(new BigUint64Array(words).buffer);
      DECIMALS.forEach((value, index) => {
        const at = index * 32, text = String(value);
        assertEquals(words[index * 4], BigInt(text.length));
        const expected = new Uint8Array(24).fill(0xee);
        expected.set(new TextEncoder().encode(`${text}\0`));
        assertEquals(bytes.slice(at + 8, at + 32), expected);
      });
    },
  });
}
