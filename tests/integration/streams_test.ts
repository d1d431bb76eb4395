import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { sandbox, SpecError, SyscallError } from "../../mod.ts";
import { close, open, pipe, readAll, write } from "../../lib/sys/mod.ts";
import { inFolder, openDescriptors, run, runProgram, text, wait } from "./support.ts";

const box = sandbox();
const utf8 = (words: string) => new TextEncoder().encode(words);

/** Bytes that differ from each other and do not repeat soon. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("100 MiB go through stdin to stdout unchanged", async () => {
  const sent = noise(100 * 1024 * 1024);
  await using child = await box.spawn(["cat"], { stdin: "piped", stdout: "piped", stderr: "null" });
  const feed = (async () => {
    const writer = child.stdin.getWriter();
    for (let at = 0; at < sent.length; at += 1_000_003) {
      await writer.write(sent.subarray(at, at + 1_000_003));
    }
    await writer.close();
  })();
  const received = await new Response(child.stdout).bytes() as Uint8Array<ArrayBuffer>;
  await feed;
  assertEquals((await child.status).code, 0);
  assertEquals(received.length, sent.length);
  assertEquals(await hash(received), await hash(sent));
});

Deno.test("output() collects much on both streams at once", async () => {
  const { stdout, stderr, code } = await box.output([
    "sh",
    "-c",
    "head -c 5000000 /dev/zero >&2 & head -c 7000000 /dev/zero; wait",
  ]);
  assertEquals([code, stdout.length, stderr.length], [0, 7_000_000, 5_000_000]);
});

Deno.test("a reader that stops and goes on loses nothing, and holds the writer up meanwhile", async () => {
  await using child = await box.spawn(["sh", "-c", "head -c 3000000 /dev/zero; echo done >&2"], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const reader = child.stdout.getReader();
  let total = (await reader.read()).value!.length;
  let finished = false;
  const done = new Response(child.stderr).text().then((words) => (finished = true, words));
  await wait(150);
  assertEquals(finished, false, "the command could write everything though nobody read");
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
  }
  assertEquals(await done, "done\n");
  assertEquals(total, 3_000_000);
  assertEquals((await child.status).code, 0);
});

Deno.test("what comes is there at once, not only at the end", async () => {
  await using child = await box.spawn(["sh", "-c", "echo first; read line; echo second $line"], {
    stdin: "piped",
    stdout: "piped",
  });
  const reader = child.stdout.getReader();
  assertEquals(text((await reader.read()).value!), "first\n");
  const writer = child.stdin.getWriter();
  await writer.write(utf8("now\n"));
  assertEquals(text((await reader.read()).value!), "second now\n");
  assertEquals((await reader.read()).done, true);
  await writer.close();
  assertEquals((await child.status).code, 0);
});

Deno.test("child.output() collects piped streams", async () => {
  await using child = await box.spawn(["sh", "-c", "echo out; echo err >&2; exit 3"], {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  assertEquals([code, text(stdout), text(stderr)], [3, "out\n", "err\n"]);
});

Deno.test("writing to a command that has ended is a BrokenPipe", async () => {
  await using child = await box.spawn(["true"], { stdin: "piped", stdout: "null" });
  const writer = child.stdin.getWriter();
  await child.status;
  await assertRejects(async () => {
    for (let count = 0; count < 100; count++) await writer.write(new Uint8Array(65536));
  }, Deno.errors.BrokenPipe);
});

Deno.test("a stdout that is cancelled ends the writer by SIGPIPE", async () => {
  await using child = await box.spawn(["sh", "-c", "exec cat /dev/zero"], {
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  });
  await child.stdout.cancel();
  assertEquals((await child.status).signal, "SIGPIPE");
});

Deno.test("stdin null reads the end at once; output() gives null by default", async () => {
  assertEquals(await run(box, ["cat"]), "");
  await using child = await box.spawn(["cat"], { stdin: "null", stdout: "piped" });
  assertEquals(await new Response(child.stdout).text(), "");
});

Deno.test("streams from and to files of the host, and appending", async () => {
  await inFolder(async (folder) => {
    const [input, out, log] = ["in", "out", "log"].map((name) => `${folder}/${name}`);
    await Deno.writeTextFile(input!, "from a file\n");
    await Deno.writeTextFile(log!, "before\n");
    await using child = await box.spawn(["sh", "-c", "cat; echo log >&2"], {
      stdin: { file: input! },
      stdout: { file: out! },
      stderr: { file: log!, append: true },
    });
    assertEquals((await child.status).code, 0);
    assertEquals(await Deno.readTextFile(out!), "from a file\n");
    assertEquals(await Deno.readTextFile(log!), "before\nlog\n");
    const { stdout } = await box.output(["cat"], { stdin: { file: input! } });
    assertEquals(text(stdout), "from a file\n");
    await using again = await box.spawn(["echo", "x"], { stdin: "null", stdout: { file: out! } });
    await again.status;
    assertEquals(await Deno.readTextFile(out!), "x\n");
  });
});

Deno.test("streams from and to descriptors, which stay the caller's", async () => {
  const [reader, writer] = pipe();
  const [source, sink] = pipe();
  try {
    write(sink, utf8("by descriptor\n"));
    close(sink);
    await using child = await box.spawn(["cat"], { stdin: source, stdout: writer, stderr: "null" });
    assertEquals((await child.status).code, 0);
    write(writer, utf8("still mine\n"));
    close(writer);
    assertEquals(text(readAll(reader)), "by descriptor\nstill mine\n");
  } finally {
    close(reader);
    close(source);
  }
});

Deno.test("one descriptor may serve as all three", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/all`, "");
    const fd = open(`${folder}/all`, { flags: 0o2 });
    try {
      await using child = await box.spawn(["sh", "-c", "echo out; echo err >&2"], {
        stdin: fd,
        stdout: fd,
        stderr: fd,
      });
      await child.status;
    } finally {
      close(fd);
    }
    assertEquals(await Deno.readTextFile(`${folder}/all`), "out\nerr\n");
  });
});

Deno.test("spawn() inherits the program's streams by default", async () => {
  const { code, stdout, stderr } = await runProgram(`
    const child = await sandbox().spawn(["sh", "-c", "echo out; echo err >&2"]);
    await child.status;
  `);
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "out\n", stderr: "err\n" });
});

Deno.test("a stream that is not piped is a TypeError that says how to pipe it", async () => {
  await using child = await box.spawn(["true"], { stdin: "null", stdout: "null", stderr: "null" });
  for (const name of ["stdin", "stdout", "stderr"] as const) {
    assertThrows(() => child[name], TypeError, `spawn with { ${name}: "piped" }`);
  }
  assertThrows(() => child.terminal, TypeError, "tty()");
  await child.status;
});

Deno.test("choices that make no sense are errors before anything runs", async () => {
  const before = openDescriptors();
  // deno-lint-ignore no-explicit-any
  const wrong = (stdin: any) => box.spawn(["true"], { stdin, stdout: "piped", stderr: "piped" });
  assertEquals((await assertRejects(() => wrong("pipe"), SpecError)).field, "stdin");
  await assertRejects(() => wrong(-1), SpecError);
  await assertRejects(() => wrong(1.5), SpecError);
  await assertRejects(() => wrong(null), SpecError);
  const missing = await assertRejects(() => wrong({ file: "/no/such/file" }), SyscallError);
  assertEquals([missing.code, missing.path], ["ENOENT", "/no/such/file"]);
  await assertRejects(() => box.output(["true"], { stdin: "piped" }), SpecError);
  const closed = await assertRejects(() => wrong(987_654));
  assert(closed instanceof Error, "a descriptor that is not open");
  assert(openDescriptors() <= before, `${before} then ${openDescriptors()}`);
});
