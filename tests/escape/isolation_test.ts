// What is not refused, because it is the sandbox's own: whatever one makes, neither the host nor
// another sandbox sees, and the other way round.

import { assertEquals } from "@std/assert";
import { AT_FDCWD, O_CREAT, O_RDWR } from "../../lib/sys/abi/fcntl.ts";
import { AF_INET, AF_UNIX, SOCK_STREAM } from "../../lib/sys/abi/socket.ts";
import { cString, syscall } from "../../lib/sys/libc.ts";
import type { SyscallName } from "../../lib/sys/syscall_numbers.ts";
import { errnoName } from "../../lib/sys/abi/errno.ts";
import { sandbox } from "../../mod.ts";
import { runProgram } from "../integration/support.ts";
import { attacker, attempt, type Call } from "./attack.ts";

const IPC_CREAT = 0o1000, IPC_RMID = 0;
const KEY = 0x7061_0000 + (Deno.pid & 0xffff);
const NAME = `paddock-${Deno.pid}`;
const PORT = 20_000 + Deno.pid % 10_000;

const abstract = new Uint8Array([AF_UNIX, 0, 0, ...new TextEncoder().encode(NAME)]);
const loopback = new Uint8Array([
  AF_INET,
  0,
  PORT >> 8,
  PORT & 0xff,
  127,
  0,
  0,
  1,
  ...Array(8).fill(0),
]);
const opened = (call: Call): Call => ({ ...call, store: "fd" });
const FD = { load32: "fd" } as const;

/** A kind of thing that has a name. */
interface Kind {
  name: string;
  make: readonly Call[];
  reach: readonly Call[];
  /** What reaching for it comes to where it is not. */
  absent: string;
  /** Takes it off the host again. */
  remove?: (made: number) => void;
}

const sysv = (name: string, call: SyscallName, control: SyscallName, ...size: number[]): Kind => ({
  name,
  make: [{ call, args: [KEY, ...size, IPC_CREAT | 0o666] }],
  reach: [{ call, args: [KEY, ...size.map(() => 0), 0] }],
  absent: `${call} ENOENT`,
  remove: (id) => {
    if (control === "semctl") syscall(control, id, 0, IPC_RMID);
    else syscall(control, id, IPC_RMID, 0);
  },
});
const server = (name: string, family: number, address: Uint8Array): Kind => ({
  name,
  make: [
    opened({ call: "socket", args: [family, SOCK_STREAM, 0] }),
    { call: "bind", args: [FD, address, address.length] },
    { call: "listen", args: [FD, 1] },
  ],
  reach: [
    opened({ call: "socket", args: [family, SOCK_STREAM, 0] }),
    { call: "connect", args: [FD, address, address.length] },
  ],
  absent: "connect ECONNREFUSED",
});

const KINDS: readonly Kind[] = [
  sysv("System V shared memory", "shmget", "shmctl", 4096),
  sysv("System V semaphores", "semget", "semctl", 1),
  sysv("System V message queues", "msgget", "msgctl"),
  {
    name: "POSIX message queues",
    make: [opened({ call: "mq_open", args: [NAME, O_RDWR | O_CREAT, 0o666, 0] })],
    reach: [{ call: "mq_open", args: [NAME, O_RDWR, 0, 0] }],
    absent: "mq_open ENOENT",
    remove: () => void syscall("mq_unlink", cString(NAME)),
  },
  {
    name: "POSIX shared memory",
    make: [
      opened({ call: "openat", args: [AT_FDCWD, `/dev/shm/${NAME}`, O_RDWR | O_CREAT, 0o666] }),
    ],
    reach: [{ call: "openat", args: [AT_FDCWD, `/dev/shm/${NAME}`, O_RDWR, 0] }],
    absent: "openat ENOENT",
    remove: () => Deno.removeSync(`/dev/shm/${NAME}`),
  },
  server("abstract Unix sockets", AF_UNIX, abstract),
  server("TCP on loopback", AF_INET, loopback),
];

/** Makes the calls in this very process; what came of it, and the last result. */
function onHost(calls: readonly Call[]): { came: string; fd?: number; result: number } {
  let fd: number | undefined, result = 0;
  for (const { call, args = [], store } of calls) {
    result = syscall(
      call as SyscallName,
      ...args.map((value) => {
        if (value === FD) return fd!;
        if (typeof value === "string") return cString(value);
        return value as number | Uint8Array<ArrayBuffer>;
      }),
    );
    if (store === "fd" && result >= 0) fd = result;
    if (result < 0) return { came: `${call} ${errnoName(-result)}`, fd, result };
  }
  return { came: "done", fd, result };
}

const close = (fd: number | undefined) => fd === undefined ? undefined : syscall("close", fd);

for (const { name, make, reach, absent, remove } of KINDS) {
  Deno.test(`${name}: the host's are not seen`, async () => {
    const made = onHost(make);
    try {
      assertEquals(made.came, "done");
      const here = onHost(reach);
      close(here.fd);
      assertEquals(here.came, "done");
      for (const uid of [0, 1000]) {
        assertEquals(await attempt(sandbox().user(uid), reach), absent, `user ${uid}`);
      }
    } finally {
      close(made.fd);
      remove?.(made.result);
    }
  });

  Deno.test(`${name}: the host and another sandbox do not see a sandbox's`, async () => {
    const wait: Call = { call: "ppoll", args: [0, 0, 0, 0, 0] };
    const ready: Call = { call: "write", args: [1, "ready", 5] };
    const box = sandbox().file("/attack", attacker([...make, ...reach, ready, wait]), {
      mode: "0755",
    });
    await using child = await box.spawn(["/attack"], { stdin: "null", stdout: "piped" });
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    // It sees its own.
    assertEquals(new TextDecoder().decode(value), "ready");
    const here = onHost(reach);
    close(here.fd);
    assertEquals(here.came, absent);
    assertEquals(await attempt(sandbox(), reach), absent);
    child.kill("SIGKILL");
  });
}

Deno.test("a descriptor that the host program left open without close-on-exec stays outside", async () => {
  const sys = JSON.stringify(new URL("../../lib/sys/libc.ts", import.meta.url).href);
  // F_DUPFD is 0: a copy of standard error with a number from 200 on, which every child inherits.
  const { stdout, stderr } = await runProgram(`
    import { syscall } from ${sys};
    const copy = syscall("fcntl", 2, 0, 200);
    const list = ["-c", "ls -l /proc/self/fd | wc -l; ls /proc/self/fd | grep -c ^" + copy];
    const plain = await new Deno.Command("sh", { args: list }).output();
    const inside = await sandbox().output(["sh", ...list]);
    for (const { stdout } of [plain, inside]) await Deno.stdout.write(stdout);
  `);
  assertEquals(stderr, "");
  const [, outside, , inside] = stdout.split("\n");
  assertEquals({ outside, inside }, { outside: "1", inside: "0" });
});
