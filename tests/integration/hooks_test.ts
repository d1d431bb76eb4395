import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  defineHook,
  HookError,
  type Plugin,
  sandbox,
  SandboxError,
  SpecError,
  StepError,
  SyscallError,
} from "../../mod.ts";
import { AF_INET, close, syscall } from "../../lib/sys/mod.ts";
import {
  inFolder,
  namespaceOf,
  openDescriptors,
  PACE,
  processesWith,
  run,
  sh,
  text,
  until,
  wait,
} from "./support.ts";

const box = sandbox();
const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;

Deno.test("every stage runs, once, in the order of time", async () => {
  const seen: string[] = [];
  const plugin = defineHook({
    name: "all",
    configure: () => void seen.push("configure"),
    preMount: () => void seen.push("preMount"),
    networkSetup: () => void seen.push("networkSetup"),
    postStart: () => void seen.push("postStart"),
    postStop: () => void seen.push("postStop"),
  });
  const stages = ["configure", "preMount", "networkSetup", "postStart", "postStop"];
  await run(box.use(plugin), ["sleep", "0.05"]);
  assertEquals(seen, stages);
  seen.length = 0;
  const child = await box.use(plugin).spawn(["sleep", "0.05"], quiet);
  await child.status;
  assertEquals(seen, stages);
});

Deno.test("each stage alone runs too", async () => {
  for (const stage of ["configure", "preMount", "networkSetup", "postStart", "postStop"] as const) {
    let calls = 0;
    await run(box.use(defineHook({ name: "one", [stage]: () => void calls++ })), ["sleep", "0.02"]);
    assertEquals(calls, 1, stage);
  }
});

Deno.test("the order is pre, plain, post, and registration within each; one at a time", async () => {
  const seen: string[] = [];
  const plugin = (name: string, order?: "pre" | "post"): Plugin => {
    const handler = async () => {
      seen.push(`${name} begins`);
      await wait(2);
      seen.push(`${name} ends`);
    };
    return defineHook({ name, preMount: order ? { handler, order } : handler });
  };
  await run(
    box.use(plugin("post 1", "post")).use(plugin("plain 1")).use(plugin("pre 1", "pre"))
      .use(plugin("plain 2")).use(plugin("pre 2", "pre")).use(plugin("post 2", "post")),
    ["true"],
  );
  const expected = ["pre 1", "pre 2", "plain 1", "plain 2", "post 1", "post 2"];
  assertEquals(seen, expected.flatMap((name) => [`${name} begins`, `${name} ends`]));
});

Deno.test("configure() changes what is run, one after the other; the sandbox stays as it was", async () => {
  const renamed = box.use(
    defineHook({ name: "a", configure: (spec) => ({ ...spec, hostname: "first" }) }),
  )
    .use(defineHook({
      name: "b",
      configure: async (spec) => {
        await wait(1);
        return { ...spec, hostname: `${spec.hostname}-second` };
      },
    }));
  assertEquals(await run(renamed, ["uname", "-n"]), "first-second\n");
  assertEquals(renamed.spec.hostname, "paddock");
  assertEquals(await run(renamed, ["uname", "-n"]), "first-second\n");
});

Deno.test("what configure() returns is checked like any spec", async () => {
  const wrong = box.use(defineHook({
    name: "wrong",
    configure: (spec) => ({ ...spec, namespaces: { ...spec.namespaces, uts: "shared" as const } }),
  }));
  assertEquals((await assertRejects(() => wrong.output(["true"]), SpecError)).field, "hostname");
});

Deno.test("addMount() adds to the end of the list: tmpfs, file, bind, also writable", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "note");
    const plugin = defineHook({
      name: "mounts",
      preMount(ctx) {
        ctx.addMount({ kind: "tmpfs", target: "/scratch", mode: "0700" });
        ctx.addMount({ kind: "file", target: "/scratch/motd", contents: "hello\n" });
        ctx.addMount({ kind: "bind", source: folder, target: "/data" });
        ctx.addMount({ kind: "bind", source: folder, target: "/scratch/rw", writable: true });
      },
    });
    const used = box.use(plugin);
    assertEquals(
      await sh(
        used,
        "cat /scratch/motd /data/note; echo; echo made > /scratch/rw/made; stat -c %a /scratch",
      ),
      "hello\nnote\n700\n",
    );
    const { uid, gid } = await Deno.stat(`${folder}/made`);
    assertEquals([uid, gid], [Deno.uid(), Deno.gid()]);
    assertMatch(
      text((await used.output(["touch", "/data/x"])).stderr),
      /Read-only file system/,
    );
    // The same sandbox again, so nothing of the first launch may be kept.
    assertEquals(await run(used, ["cat", "/scratch/rw/made"]), "made\n");
  });
});

Deno.test("a mount that a hook adds and that fails is a StepError with its place in the plan", async () => {
  const plugin = defineHook({
    name: "mounts",
    preMount: (ctx) => ctx.addMount({ kind: "bind", source: "/no/such/source", target: "/data" }),
  });
  const error = await assertRejects(() => box.use(plugin).output(["true"]), SandboxError);
  assertMatch(error.message, /\/no\/such\/source.*ENOENT/);
});

Deno.test("inside.syscall() makes a call in the sandbox's namespaces, with its capabilities", async () => {
  let pid = 0, failed: unknown;
  const plugin = defineHook({
    name: "inside",
    async networkSetup({ inside }) {
      pid = await inside.syscall("getpid");
      assertEquals(await inside.syscall("sethostname", "by-a-hook", 9), 0);
      failed = await inside.syscall("openat", -100, "/no/such/file", 0, 0).catch((error) => error);
      // After an error it goes on.
      assertEquals(await inside.syscall("getpid"), pid);
      await inside.syscall("mkdirat", -100, "/tmp/made", 0o700);
    },
  });
  assertEquals(await sh(box.use(plugin), "uname -n; ls /tmp"), "by-a-hook\nmade\n");
  assertEquals(pid, 1);
  assertInstanceOf(failed, SyscallError);
  assertEquals([(failed as SyscallError).code, (failed as SyscallError).syscall], [
    "ENOENT",
    "openat",
  ]);
});

Deno.test("inside.run() runs programs with loops, buffers and contents", async () => {
  const plugin = defineHook({
    name: "program",
    async preMount({ inside, pid }) {
      assert(pid > 0);
      const result = await inside.run({
        buffers: { name: 390, text: 32 },
        contents: { message: new TextEncoder().encode("abc") },
        operations: [
          { call: "uname", args: [{ at: "name" }] },
          { call: "SET", args: [0], store: "sum" },
          { call: "SET", args: [10], store: "count" },
          { call: "ADD", args: [{ load: "sum" }, { load: "count" }], store: "sum", label: "again" },
          {
            call: "SUBTRACT",
            args: [{ load: "count" }, 1],
            store: "count",
            when: { differs: 0 },
            goto: "again",
          },
          { call: "DECIMAL", args: [{ load: "sum" }, { at: "text" }], store: "length" },
        ],
      });
      assertEquals(result.cell("sum"), 55n);
      assertEquals(text(result.bytes("text", Number(result.cell("length")))), "55");
      assertEquals(text(result.bytes("message", 3)), "abc");
      assertMatch(text(result.bytes("name", 390)), /^Linux\0+paddock\0/);
      assertThrows(() => result.cell("nothing"), TypeError);
    },
  });
  await run(box.use(plugin), ["true"]);
});

Deno.test("inside.descriptor() hands out a socket that listens inside", async () => {
  const before = openDescriptors();
  const { createServer } = await import("node:net");
  let served = 0;
  const plugin = defineHook({
    name: "server",
    async networkSetup({ inside, defer }) {
      const address = new Uint8Array(16);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_INET, true);
      view.setUint16(2, 8080);
      address.set([127, 0, 0, 1], 4);
      const { fds: [fd] } = await inside.run({
        contents: { address },
        operations: [
          { call: "socket", args: [AF_INET, 1, 0], store: "socket" },
          { call: "bind", args: [{ load32: "socket" }, { at: "address" }, 16] },
          { call: "listen", args: [{ load32: "socket" }, 16] },
        ],
        send: ["socket"],
      });
      const server = createServer((socket) => {
        served++;
        socket.end("from outside\n");
      });
      server.listen({ fd: fd! });
      defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
    },
  });
  const used = box.use(plugin);
  const client = "exec 3<> /dev/tcp/127.0.0.1/8080 && cat <&3";
  const bash = await box.output(["bash", "-c", "true"]).catch(() => undefined);
  if (!bash?.success) return console.warn("skipped the rest: bash is not installed");
  assertEquals(await run(used, ["bash", "-c", client]), "from outside\n");
  assertEquals(served, 1);
  assertEquals((await box.output(["bash", "-c", `${client} 2>/dev/null`])).success, false);
  assert(await until(() => openDescriptors() <= before + 2), "the socket stays open");
});

Deno.test("inside.descriptor() gives a close-on-exec descriptor of the sandbox's network", async () => {
  let inode = 0, own = "";
  const plugin = defineHook({
    name: "socket",
    async networkSetup({ inside, netns, pid }) {
      own = namespaceOf(pid, "net");
      assertEquals(Deno.readLinkSync(netns), own);
      const fd = await inside.descriptor("openat", -100, "/proc/self/ns/net", 0, 0);
      try {
        inode = Deno.statSync(`/proc/self/fd/${fd}`).ino!;
        assertEquals(syscall("fcntl", fd, 1) & 1, 1, "FD_CLOEXEC");
      } finally {
        close(fd);
      }
    },
  });
  await run(box.use(plugin), ["true"]);
  assertEquals(own, `net:[${inode}]`);
});

Deno.test("preMount: all namespaces exist, nothing is mounted; the host is still seen", async () => {
  const plugin = defineHook({
    name: "early",
    preMount({ pid, spec }) {
      for (const file of ["ipc", "mnt", "net", "user", "uts", "cgroup"]) {
        if (file === "net" || Deno.uid() === 0 || file !== "mnt") {
          assert(namespaceOf(pid, file) !== namespaceOf("self", file), file);
        }
      }
      assertEquals(
        Deno.readTextFileSync(`/proc/${pid}/uid_map`).trim().split(/\s+/)[0],
        String(Deno.uid()),
      );
      assertEquals(spec.hostname, "paddock");
    },
  });
  await run(box.use(plugin), ["true"]);
});

Deno.test("postStart gets the command's pid and can signal it; kill() of the context", async () => {
  const mark = `4321.${Deno.pid}`;
  let pid = 0;
  const plugin = defineHook({
    name: "killer",
    async postStart(ctx) {
      pid = ctx.pid;
      assert(await until(() => processesWith(mark).length > 0));
      assertEquals(processesWith(mark), [pid]);
      ctx.kill("SIGINT");
    },
  });
  const { signal } = await box.use(plugin).output(["sleep", mark]);
  assertEquals(signal, "SIGINT");
  assert(pid > 0);
});

Deno.test("postStop gets the status and the usage; its error is told with the result", async () => {
  const codes: number[] = [];
  const used = box.use(defineHook({
    name: "after",
    postStop({ status, usage }) {
      codes.push(status.code);
      assert(usage.wall > 0);
      throw new Error("too late");
    },
  }));
  const { code, hookErrors } = await used.output(["sh", "-c", "exit 6"]);
  assertEquals([code, codes], [6, [6]]);
  assertEquals(hookErrors.length, 1);
  assertEquals([hookErrors[0]!.plugin, hookErrors[0]!.hook], ["after", "postStop"]);
  assertMatch(hookErrors[0]!.message, /too late/);
});

for (const stage of ["configure", "preMount", "networkSetup", "postStart"] as const) {
  Deno.test(`an error in ${stage} aborts with a HookError, and leaves nothing`, async () => {
    const mark = `4400.${Deno.pid}`;
    await box.output(["true"]);
    const before = openDescriptors();
    const cause = new Error("out of order");
    const seen: string[] = [];
    const used = box.use(defineHook({
      name: "broken",
      configure: () => undefined,
      [stage](ctx: { defer?: (cleanup: () => void) => void }) {
        ctx.defer?.(() => seen.push("deferred"));
        throw cause;
      },
    })).use(defineHook({ name: "next", [stage]: () => void seen.push("next ran") }));
    for (
      const begin of [
        () => used.output(["sleep", mark]),
        () => used.spawn(["sleep", mark], quiet).then((child) => child.status),
      ]
    ) {
      seen.length = 0;
      const error = await assertRejects(begin, HookError);
      assertEquals([error.plugin, error.hook, error.cause], ["broken", stage, cause]);
      assertMatch(error.message, /broken.*out of order/);
      assertEquals(seen, stage === "configure" ? [] : ["deferred"]);
      assertEquals(processesWith(mark), []);
    }
    assert(openDescriptors() <= before, `${before} then ${openDescriptors()}`);
  });

  Deno.test(`a ${stage} that hangs is named and aborted after its time`, async () => {
    const mark = `4500.${Deno.pid}`;
    let aborted = false;
    const used = box.use(defineHook({
      name: "slow",
      [stage]: {
        timeout: "60ms",
        handler(ctx: { signal?: AbortSignal }) {
          ctx.signal?.addEventListener("abort", () => aborted = true);
          return new Promise(() => {});
        },
      },
    }));
    const started = performance.now();
    const error = await assertRejects(() => used.output(["sleep", mark]), HookError);
    assert(performance.now() - started < 2000);
    assertEquals([error.plugin, error.hook], ["slow", stage]);
    assertMatch(error.message, /60 ms/);
    if (stage !== "configure") assertEquals(aborted, true);
    assertEquals(processesWith(mark), []);
  });
}

Deno.test("defer() runs last in first out, always, and its errors are told", async () => {
  const seen: number[] = [];
  const used = box.use(defineHook({
    name: "deferring",
    preMount({ defer }) {
      defer(() => seen.push(1));
      defer(async () => {
        await wait(2);
        seen.push(2);
      });
    },
    postStart({ defer }) {
      defer(() => {
        seen.push(3);
        throw new Error("clean-up failed");
      });
    },
    postStop: () => void seen.push(0),
  }));
  const { hookErrors, code } = await used.output(["sh", "-c", "exit 2"]);
  assertEquals([code, seen], [2, [0, 3, 2, 1]]);
  assertEquals(hookErrors.map(({ hook, plugin }) => [plugin, hook]), [["deferring", "defer"]]);
});

Deno.test("defer() runs also when a step or the command fails, or all is killed", async () => {
  let runs = 0;
  const used = box.use(defineHook({ name: "d", preMount: ({ defer }) => defer(() => runs++) }));
  await assertRejects(() => used.bind("/usr", "/usr/no/such/place").output(["true"]), StepError);
  assertEquals(runs, 1);
  await assertRejects(() => used.output(["no-such-program"]), StepError);
  assertEquals(runs, 2);
  assertEquals((await used.timeout(100 * PACE).output(["sleep", "60"])).timedOut, true);
  assertEquals(runs, 3);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 60 * PACE);
  await assertRejects(() => used.output(["sleep", "60"], { signal: controller.signal }));
  assertEquals(runs, 4);
  const child = await used.spawn(["sleep", "60"], quiet);
  await child[Symbol.asyncDispose]();
  assertEquals(runs, 5);
});

Deno.test("the signal of a context is aborted at tear-down", async () => {
  let signal: AbortSignal | undefined;
  const used = box.use(defineHook({
    name: "s",
    postStart(ctx) {
      signal = ctx.signal;
      assertEquals(ctx.signal.aborted, false);
    },
  }));
  await used.output(["sleep", "0.05"]);
  assertEquals(signal?.aborted, true);
});

Deno.test("a time limit and an abort end a hook that waits", async () => {
  const used = box.use(defineHook({ name: "waits", networkSetup: () => new Promise(() => {}) }));
  const started = performance.now();
  await assertRejects(() => used.timeout(100).output(["true"]), SandboxError, "time limit");
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 50);
  assertEquals(
    await assertRejects(() => used.output(["true"], { signal: controller.signal })),
    reason,
  );
  assert(performance.now() - started < 3000, "the hook was waited for");
});

Deno.test("a child that ends during postStart does not upset it", async () => {
  const used = box.use(defineHook({ name: "slow", postStart: () => wait(50) }));
  const { code } = await used.output(["sh", "-c", "exit 5"]);
  assertEquals(code, 5);
});

Deno.test("wrong plugins are SpecErrors that name the field", () => {
  // deno-lint-ignore no-explicit-any
  const define = (plugin: any) => assertThrows(() => defineHook(plugin), SpecError).field;
  assertEquals(define({}), "plugin.name");
  assertEquals(define({ name: "" }), "plugin.name");
  assertEquals(define({ name: "x", preMounts() {} }), 'plugin "x".preMounts');
  assertEquals(define({ name: "x", preMount: 5 }), 'plugin "x".preMount');
  assertEquals(
    define({ name: "x", preMount: { handler() {}, when: 1 } }),
    'plugin "x".preMount.when',
  );
  assertEquals(
    define({ name: "x", preMount: { handler() {}, order: "first" } }),
    'plugin "x".preMount.order',
  );
  assertEquals(
    assertThrows(() => box.use({ name: "a" }).use({ name: "a" }), SpecError).field,
    "use",
  );
});

Deno.test("hooks of many sandboxes at once do not mix", async () => {
  const outputs = await Promise.all(Array.from({ length: 12 }, (_, index) =>
    run(
      box.use(defineHook({
        name: "number",
        preMount: (ctx) =>
          ctx.addMount({ kind: "file", target: "/number", contents: `${index}\n` }),
        networkSetup: ({ inside }) =>
          inside.syscall("sethostname", `box-${index}`, 4 + String(index).length),
      })),
      ["sh", "-c", "cat /number; uname -n"],
    )));
  outputs.forEach((output, index) => assertEquals(output, `${index}\nbox-${index}\n`));
});
