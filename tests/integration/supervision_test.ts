/**
 * System calls of a sandbox that this program is asked about.
 */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  call,
  type DecidedCall,
  defineHook,
  filter,
  int,
  type ObservedCall,
  sandbox,
  SpecError,
  type Verdict,
} from "../../mod.ts";
import { memfdCreate, open, syscallNumber } from "../../lib/sys/mod.ts";
import { decodeSocketAddress } from "../../lib/run/socket_address.ts";
import {
  attempt,
  inFolder,
  installed,
  lines,
  openDescriptors,
  ROOT,
  run,
  sh,
  testIf,
  text,
  until,
  wait,
} from "./support.ts";

/** A call that no program makes by itself, made by perl: what it returned, or minus the errno. */
function made(name: string, ...args: (number | bigint)[]): string[] {
  const words = [syscallNumber(name), ...args].join(", ");
  return ["perl", "-e", `$b = "x" x 4096; $r = syscall(${words}); print $r < 0 ? -$! : $r`];
}

const perlTest = (name: string, fn: () => Promise<void>) =>
  testIf(installed("perl"), "no perl", name, fn);

perlTest("a handler denies, returns, and lets a call be made", async () => {
  const asked: string[] = [];
  const verdicts: Record<number, (call: DecidedCall) => Verdict> = {
    1: (call) => call.deny("EDOM"),
    2: (call) => call.deny(),
    3: (call) => call.return(4711),
    4: (call) => call.return(-5n),
    5: (call) => call.proceed(),
  };
  const box = sandbox().seccomp(filter.notify("getpgid"), (call) => {
    asked.push(`${call.name} ${call.int(0)}`);
    assert(call.pid > 1);
    return verdicts[call.int(0)]!(call);
  });
  const results = [];
  for (const which of [1, 2, 3, 4, 5]) {
    results.push(await run(box, made("getpgid", which)));
  }
  assertEquals(results, ["-33", "-1", "4711", "-5", "-3"]);
  assertEquals(asked, [1, 2, 3, 4, 5].map((which) => `getpgid ${which}`));
});

perlTest("a handler may take its time, and others are served meanwhile", async () => {
  const box = sandbox().seccomp(filter.notify("getpgid"), async (call) => {
    if (call.int(0) === 1) await wait(300);
    return call.return(call.int(0));
  });
  const script = made("getpgid", 1).map((word) => `'${word}'`).join(" ") + " & " +
    made("getpgid", 2).map((word) => `'${word}'`).join(" ") + "; echo; wait";
  assertEquals(await sh(box, script), "2\n1");
});

perlTest("a handler that throws, hangs or says nothing denies, and the result tells", async () => {
  const handlers: [(call: DecidedCall) => Verdict | Promise<Verdict>, RegExp][] = [
    [() => {
      throw new Error("no idea");
    }, /decide of getpgid.*no idea/],
    [() => Promise.reject(new Error("not now")), /not now/],
    [() => new Promise<Verdict>(() => {}), /did not answer within 200 ms/],
    [() => undefined as unknown as Verdict, /returned no verdict/],
    [(call) => call.deny("EWHAT" as "EPERM"), /EWHAT is no errno/],
  ];
  for (const [handler, error] of handlers) {
    const box = sandbox().seccomp(filter.notify("getpgid"), handler, { timeout: 200 });
    const output = await box.output(made("getpgid", 1));
    assertEquals([text(output.stdout), output.hookErrors.length], ["-1", 1]);
    assertMatch(output.hookErrors[0]!.message, error);
    assertEquals(output.hookErrors[0]!.plugin, "seccomp");
  }
});

Deno.test("an observer sees paths, decides nothing, and its failure does not either", async () => {
  const paths: string[] = [];
  const box = sandbox().file("/greeting", "hello\n").seccomp(filter.observe("openat"), (call) => {
    paths.push(call.path(1));
    if (paths.at(-1) === "/greeting") throw new Error("not to be seen");
  });
  const output = await box.output(["cat", "/greeting"]);
  assertEquals(text(output.stdout), "hello\n");
  assert(paths.includes("/greeting"), paths.join(" "));
  assertMatch(output.hookErrors[0]!.message, /observe of openat.*not to be seen/);
});

Deno.test("a handler opens files for the command, which cannot open any", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/secret`, "from outside\n");
    const box = sandbox().seccomp(filter.notify("openat"), (call) => {
      const memory = call.memory();
      const path = memory.path(1);
      if (path !== "/not/inside") return memory.inject(open(path.startsWith("/") ? path : "/"));
      return memory.inject(open(`${folder}/secret`));
    });
    const before = openDescriptors();
    assertEquals(await run(box, ["cat", "/not/inside"]), "from outside\n");
    assert(await until(() => openDescriptors() <= before), "descriptors are left open");
  });
});

Deno.test("what was injected is closed here unless it is kept, and a bad one denies", async () => {
  const memory = memfdCreate("kept");
  const box = (fd: number, keep: boolean) =>
    sandbox().seccomp(
      filter.notify(call("openat", int(0).equal(77))),
      (call) => call.inject(fd, { keep }),
    );
  if (!installed("perl")) return;
  assertMatch(await run(box(memory, true), made("openat", 77, 0, 0)), /^\d$/);
  assertMatch(await run(box(memory, false), made("openat", 77, 0, 0)), /^\d$/);
  const output = await box(99_999, true).output(made("openat", 77, 0, 0));
  assertEquals(text(output.stdout), "-1");
  assertMatch(output.hookErrors[0]!.message, /EBADF/);
});

perlTest("a verdict that rests on memory cannot be to proceed", async () => {
  const late = (call: DecidedCall) => {
    const verdict = call.proceed();
    call.memory();
    return verdict;
  };
  const plain = (call: DecidedCall) => {
    call.memory();
    return call.proceed();
  };
  for (const handler of [late, plain]) {
    const output = await sandbox().seccomp(filter.notify("getpgid"), handler)
      .output(made("getpgid", 0));
    assertEquals(text(output.stdout), "-1");
    assertMatch(output.hookErrors[0]!.message, /proceed\(\) cannot rest on memory/);
  }
});

perlTest("the memory of a call that has been answered is not read any more", async () => {
  // Its process may be another one by then; this one still runs.
  const late = Promise.withResolvers<string>();
  const box = sandbox().seccomp(filter.notify("getpgid"), async (call) => {
    await wait(300);
    try {
      late.resolve(`read ${call.memory().bytes(1, 4)}`);
    } catch (error) {
      late.resolve((error as Error).message);
    }
    return call.deny();
  }, { timeout: 50 });
  const script = `$b = "here"; syscall(${syscallNumber("getpgid")}, 1, $b); sleep 1`;
  const [output, message] = await Promise.all([box.output(["perl", "-e", script]), late.promise]);
  assertEquals(message, "The system call has ended while its memory was read");
  assertEquals(output.code, 0);
});

perlTest(
  "memory that is not there, or not text, throws; a path may end at a page's end",
  async () => {
    const seen: string[] = [];
    const box = sandbox().seccomp(filter.observe(call("openat", int(0).equal(77))), (call) => {
      try {
        seen.push(call.path(1));
      } catch (error) {
        seen.push((error as Error).message.slice(0, 40));
      }
    });
    const script = `
    syscall(${syscallNumber("openat")}, 77, 16, 0);
    for my $path ("p" x 4096, "\\xff\\xfe", "q" x 4095) {
      my $copy = $path;
      syscall(${syscallNumber("openat")}, 77, $copy, 0);
    }`;
    await run(box, ["perl", "-e", script]);
    assertMatch(seen[0]!, /^process_vm_readv .*0x10/);
    assertEquals(seen[1], "The path is longer than 4096 bytes");
    assertEquals([seen[2], seen[3]!.length], ["\ufffd\ufffd", 4095]);
  },
);

testIf(installed("python3"), "no python3", "connect, by address", async () => {
  const asked: unknown[] = [];
  const box = sandbox().seccomp(filter.notify("connect"), (call) => {
    asked.push(call.memory().socketAddress(1, 2));
    return call.deny("ECONNREFUSED");
  });
  const program = `
import socket
for family, address in [(2, ("10.1.2.3", 80)), (10, ("2001:db8::7", 443)), (1, "/run/x"), (1, "\\0abc")]:
  try: socket.socket(family).connect(address)
  except OSError as e: print(e.errno)`;
  assertEquals(await run(box, ["python3", "-c", program]), "111\n".repeat(4));
  assertEquals(asked, [
    { family: "inet", address: "10.1.2.3", port: 80 },
    { family: "inet6", address: "2001:db8::7", port: 443 },
    { family: "unix", path: "/run/x", abstract: false },
    { family: "unix", path: "abc", abstract: true },
  ]);
  assertEquals(decodeSocketAddress(Uint8Array.of(2, 0, 0)), {
    family: 2,
    bytes: Uint8Array.of(2, 0, 0),
  });
});

Deno.test("the result lists by name what was denied and logged", async () => {
  const policy = filter.log("uname").deny("EXDEV", "sync");
  const output = await sandbox().seccomp(policy, { log: true })
    .output(["sh", "-c", "mount -t tmpfs x /tmp; sync; sync; uname; unshare -U true"]);
  const found = Object.fromEntries(
    output.filteredSyscalls!.map(({ name, result, count }) => [`${name} ${result}`, count]),
  );
  assertEquals(found["mount EPERM"], 1);
  assertEquals(found["unshare EPERM"], 1);
  assert(found["uname allow"]! >= 1, JSON.stringify(found));
  assertEquals(text(output.stdout), "Linux\n");
  assertEquals((await sandbox().output(["true"])).filteredSyscalls, undefined);
  assertEquals(
    (await sandbox().seccomp("default", { log: true }).output(["true"])).filteredSyscalls,
    [],
  );
});

perlTest("numbers that the kernel does not have are counted as one", async () => {
  const script = "syscall($_) for 600..700";
  const output = await sandbox().seccomp("default", { log: true }).output(["perl", "-e", script]);
  assertEquals(output.filteredSyscalls, [{ name: "unknown", result: "ENOSYS", count: 101 }]);
});

Deno.test("the launch's own calls are exempt, and no others", async () => {
  // Everything that is between the filter and the program would be asked about, denied or killed.
  for (
    const policy of [
      filter.notify("execve", "write", "exit_group", "sendmsg"),
      filter.notify("sync").kill("execve", "sendmsg"),
      filter.empty("allow").notify("sync").deny("EPERM", "execve", "sendmsg"),
    ]
  ) {
    const box = sandbox().seccomp(policy, (call) => call.proceed());
    const output = await box.output(["true"]);
    assertEquals([output.code, output.hookErrors], [0, []]);
    const error = await assertRejects(() => box.output(["/no/such/program"]));
    assertMatch((error as Error).message, /ENOENT/);
  }
  const once = sandbox().seccomp(filter.deny("EACCES", "execve"));
  const { stdout, code } = await attempt(once, "echo on; ls /");
  assertEquals([stdout, code], ["on\n", 126]);
});

Deno.test("with hooks, as pid 1, with a terminal, and for many at once", async () => {
  let count = 0;
  const policy = filter.observe("uname");
  const observe = () => void count++;
  const hooks = defineHook({ name: "both", preMount: () => {}, networkSetup: () => {} });
  const boxes = [
    sandbox().use(hooks).seccomp(policy, observe),
    sandbox().use(hooks).seccomp(filter.deny("EPERM", "execve").observe("uname"), observe),
    sandbox().asPid1().seccomp(policy, observe),
    sandbox().tty().seccomp(policy, observe),
    sandbox().share("pid", "net").seccomp(policy, observe),
  ];
  for (const box of boxes) {
    count = 0;
    const output = await box.output(["uname"]);
    assertEquals([output.code, text(output.stdout).trim()], [0, "Linux"]);
    assert(count > 0);
  }
  count = 0;
  await Promise.all(
    Array.from({ length: 20 }, () => sandbox().seccomp(policy, observe).output(["uname"])),
  );
  assert(count >= 20, `${count}`);
});

Deno.test("killed while a call waits, nothing is left", async () => {
  const before = openDescriptors();
  const asked = Promise.withResolvers<void>();
  const box = sandbox().seccomp(filter.notify("uname"), () => {
    asked.resolve();
    return new Promise<Verdict>(() => {});
  }, { timeout: "1m" });
  {
    await using child = await box.spawn(["uname"], { stdin: "null", stdout: "null" });
    await asked.promise;
    child.kill("SIGKILL");
    const status = await child.status;
    assertEquals(status.signal, "SIGKILL");
  }
  assert(await until(() => openDescriptors() <= before), "descriptors are left open");
});

Deno.test("a signal does not make the call be asked about twice", async () => {
  if (!installed("python3")) return;
  let asked = 0;
  const box = sandbox().seccomp(filter.notify("getpgid"), async (call) => {
    asked++;
    await wait(300);
    return call.return(7);
  });
  const program = `
import os, signal, threading, time
signal.signal(signal.SIGUSR1, lambda *a: print("signal"))
threading.Thread(target=lambda: (time.sleep(0.1), os.kill(os.getpid(), signal.SIGUSR1))).start()
print(os.getpgid(99))`;
  const output = lines(await run(box, ["python3", "-c", program]));
  assertEquals([output.includes("7"), output.includes("signal")], [true, true]);
  // Kernels before 5.19 begin the call again.
  const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
  if (major > 5 || (major === 5 && minor >= 19)) assertEquals(asked, 1);
});

Deno.test("a filter that asks wants a handler, and one only", () => {
  const asking = filter.notify("uname");
  assertThrows(() => sandbox().seccomp(asking).plan(), SpecError, "give seccomp() a handler");
  const docker = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["uname"], action: "SCMP_ACT_NOTIFY" }],
  };
  assertThrows(() => sandbox().seccomp(docker).plan(), SpecError, "give seccomp() a handler");
  sandbox().seccomp(docker, { decide: (call) => call.proceed() }).plan();
  assertThrows(
    () => sandbox().seccomp(docker, { decide: (call) => call.proceed(), observe: () => {} }),
    SpecError,
    "one handler",
  );
  assertThrows(() => sandbox().seccomp("none", { log: true }).plan(), SpecError, "nothing to log");
});

Deno.test("the types keep the two kinds apart", () => {
  const observing = filter.observe("uname"), deciding = filter.notify("uname");
  // @ts-expect-error an observer decides nothing
  const wrong = () => sandbox().seccomp(observing, (call) => call.deny());
  // @ts-expect-error somebody who decides must say what
  const nothing = () => sandbox().seccomp(deciding, (_: DecidedCall) => {});
  // @ts-expect-error one filter asks one kind of handler
  const both = () => observing.notify("sync");
  // @ts-expect-error what has looked into the memory cannot proceed
  const looked = (call: DecidedCall) => call.memory().proceed();
  // @ts-expect-error nor can who only observes
  const observer = (call: ObservedCall) => call.proceed();
  assertEquals([wrong, nothing, both, looked, observer].length, 5);
});

testIf(ROOT, "root sees every process", "the handler's pid is the host's", async () => {
  const names: string[] = [];
  const box = sandbox().seccomp(filter.observe("uname"), (call) => {
    names.push(Deno.readTextFileSync(`/proc/${call.pid}/comm`).trim());
  });
  await box.output(["uname"]);
  assertEquals([...new Set(names)], ["uname"]);
});
