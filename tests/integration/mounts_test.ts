import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Sandbox, sandbox, SpecError, StepError, type SyscallError } from "../../mod.ts";
import { attempt, inFolder, lines, run, sh } from "./support.ts";

/** The caller's ids, as the host sees files that the sandbox makes. */
const OWNER = `${Deno.uid()}:${Deno.gid()}`;

function owner(path: string): string {
  const { uid, gid } = Deno.statSync(path);
  return `${uid}:${gid}`;
}

/** The mount options that hold for a path inside. */
async function options(box: Sandbox, path: string): Promise<string[]> {
  const mounts = lines(await run(box, ["cat", "/proc/self/mountinfo"])).map((line) =>
    line.split(" ")
  );
  return mounts.findLast((fields) => fields[4] === path)![5]!.split(",");
}

Deno.test("bind shows a directory read-only", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "hello");
    const box = sandbox().bind(folder, "/data");
    assertEquals(await run(box, ["cat", "/data/note"]), "hello");
    const { success, stderr } = await attempt(box, "echo x > /data/note || echo y > /data/new");
    assert(!success);
    assertMatch(stderr, /Read-only file system/);
    const found = await options(box, "/data");
    for (const option of ["ro", "nosuid", "nodev"]) assert(found.includes(option), option);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["note"]);
  });
});

Deno.test("a writable bind writes, and what is made belongs to the caller outside", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/old`, "old");
    const box = sandbox().bind(folder, "/data", { writable: true });
    const seen = await sh(
      box,
      "echo more >> /data/old; echo new > /data/new; mkdir /data/dir; ln -s new /data/link; stat -c %u:%g /data/old /data/new /data",
    );
    assertEquals(lines(seen), [OWNER, OWNER, OWNER]);
    assertEquals(await Deno.readTextFile(`${folder}/old`), "oldmore\n");
    assertEquals(await Deno.readTextFile(`${folder}/new`), "new\n");
    for (const name of ["old", "new", "dir", "link"]) {
      assertEquals(owner(`${folder}/${name}`), OWNER, name);
    }
    for (const option of ["rw", "nosuid", "nodev"]) {
      assert((await options(box, "/data")).includes(option), option);
    }
  });
});

Deno.test("a writable bind is the caller's outside, whoever the user is inside", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/old`, "old");
    const box = sandbox().user(1000, 1001).bind(folder, "/data", { writable: true });
    const seen = await sh(box, "echo new > /data/new; stat -c %u:%g /data/old /data/new /data");
    assertEquals(lines(seen), ["1000:1001", "1000:1001", "1000:1001"]);
    assertEquals(owner(`${folder}/new`), OWNER);
  });
});

Deno.test("bind defaults to the same place, and takes relative paths", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "here");
    assertEquals(await run(sandbox().bind(folder), ["cat", `${folder}/note`]), "here");
    const before = Deno.cwd();
    Deno.chdir(folder);
    try {
      const box = sandbox().bind(".", "/data");
      assertEquals(await run(box, ["cat", "/data/note"]), "here");
      await Deno.mkdir("sub");
      Deno.chdir("sub");
      await Deno.writeTextFile("note", "below");
      assertEquals(await run(box, ["cat", "/data/note"]), "below");
    } finally {
      Deno.chdir(before);
    }
  });
});

Deno.test("bind shows a file, also over a file", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/a`, "A");
    await Deno.writeTextFile(`${folder}/b`, "B");
    const box = sandbox()
      .bind(`${folder}/a`, "/etc/deep/er/a")
      .bind(folder, "/data")
      .bind(`${folder}/b`, "/data/a")
      .bind(`${folder}/a`, "/etc/hosts")
      .bind(`${folder}/b`, "/tmp/over").bind(`${folder}/a`, "/tmp/over");
    assertEquals(
      await run(box, ["cat", "/etc/deep/er/a", "/data/a", "/data/b", "/etc/hosts", "/tmp/over"]),
      "ABBAA",
    );
    assertEquals(await Deno.readTextFile(`${folder}/a`), "A");
  });
});

Deno.test("a later entry wins over an earlier one", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "n");
    assertEquals(await run(sandbox().bind(folder, "/x").tmpfs("/x"), ["ls", "-A", "/x"]), "");
    assertEquals(await run(sandbox().tmpfs("/x").bind(folder, "/x"), ["ls", "-A", "/x"]), "note\n");
  });
});

Deno.test("targets nest in tmpfs, and are made", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/note`, "deep");
    const box = sandbox().tmpfs("/a/b").bind(folder, "/a/b/c/d").tmpfs("/a/b/c/e", {
      mode: "0700",
    });
    assertEquals(await run(box, ["cat", "/a/b/c/d/note"]), "deep");
    assertEquals(await sh(box, "stat -c %a /a/b/c/e /a/b/c"), "700\n755\n");
  });
});

Deno.test("mounts below a bind go where its links lead, but never out of the root", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tree/real`, { recursive: true });
    await Deno.mkdir(`${folder}/tree/etc`);
    await Deno.symlink("/etc", `${folder}/tree/absolute`);
    await Deno.symlink("real", `${folder}/tree/relative`);
    await Deno.symlink("../../../../../../../../etc", `${folder}/tree/up`);
    const box = sandbox().bind(`${folder}/tree`, "/data");
    assertEquals(
      await sh(box.tmpfs("/data/relative"), "touch /data/real/x && ls /data/real"),
      "x\n",
    );
    // Both links lead to the sandbox's own /etc, which the tmpfs then covers; not to the host's.
    for (const link of ["absolute", "up"]) {
      const inside = await sh(box.tmpfs(`/data/${link}`), "touch /etc/x && ls -A /etc");
      assertEquals(inside, "x\n", link);
    }
    assert(Deno.readTextFileSync("/etc/passwd").length > 0);
    assertEquals([...Deno.readDirSync(`${folder}/tree/real`)], []);
  });
});

Deno.test("a missing source is a StepError with both paths", async () => {
  const error = await assertRejects(
    () => sandbox().bind("/nonexistent-source", "/some/target").output(["true"]),
    StepError,
  );
  assertEquals((error.cause as SyscallError).code, "ENOENT");
  assertStringIncludes(error.message, "/nonexistent-source");
  assertStringIncludes(error.message, "/some/target");
  assertEquals((error.cause as SyscallError).path, "/nonexistent-source");
});

Deno.test("an optional source that is missing is left out and named", async () => {
  const { skipped, success } = await sandbox().bind("/nonexistent-source", "/x", { optional: true })
    .output(["true"]);
  assertEquals({ skipped, success }, { skipped: ["/nonexistent-source"], success: true });
  const there = await sandbox().bind("/usr", "/x", { optional: true }).output(["true"]);
  assertEquals(there.skipped, []);
});

Deno.test("nothing is created on a bind of the host: a missing target is a StepError", async () => {
  await inFolder(async (folder) => {
    const box = sandbox().bind(folder, "/data", { writable: true });
    const variants: [Sandbox, string][] = [
      [box.bind("/usr", "/data/missing"), "bind"],
      [box.tmpfs("/data/missing"), "tmpfs"],
      [box.dir("/data/missing"), "dir"],
      [box.file("/data/missing", "x"), "file"],
      [box.proc("/data/missing"), "proc"],
    ];
    for (const [variant, step] of variants) {
      const error = await assertRejects(() => variant.output(["true"]), StepError);
      assertEquals(error.step, step);
      assertEquals((error.cause as SyscallError).code, "ENOENT", step);
      assertStringIncludes(error.message, "/data/missing");
      assertEquals([...Deno.readDirSync(folder)], [], step);
    }
  });
});

Deno.test("a symlink entry below a bind of the host is a SpecError and makes nothing there", async () => {
  await inFolder(async (folder) => {
    const box = sandbox().bind(folder, "/data", { writable: true }).symlink("/tmp", "/data/link");
    const error = await assertRejects(() => box.output(["true"]), SpecError);
    assertEquals(error.field, "mounts[5].target");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), []);
  });
});

Deno.test("a tmpfs over a place that a link led to is the sandbox's own, and so is all below it", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/tree/real`, { recursive: true });
    await Deno.mkdir(`${folder}/outside`);
    await Deno.symlink("real", `${folder}/tree/link`);
    await Deno.writeTextFile(`${folder}/note`, "note");
    const box = sandbox().bind(`${folder}/tree`, "/data", { writable: true })
      .tmpfs("/data/link")
      .file("/data/link/a", "A")
      .dir("/data/link/b/c", { mode: "0700" })
      .symlink("a", "/data/link/d")
      .bind(`${folder}/note`, "/data/link/e/note")
      .tmpfs("/data/link/b/t").file("/data/link/b/t/f", "F")
      .file("/data/real/e/note", "over");
    assertEquals(
      await sh(box, "cd /data/real; cat a d b/t/f e/note; stat -c %a b/c b; ls"),
      "AAFover700\n755\na\nb\nd\ne\n",
    );
    assertEquals([...Deno.readDirSync(`${folder}/tree/real`)], []);
    // The link is the sandbox's and absolute: seen from the host it leads to the host's files.
    const tricky = sandbox().dir(`${folder}/outside`).symlink(`${folder}/outside`, "/link")
      .tmpfs("/link").file("/link/made", "x").dir("/link/dir");
    assertEquals(await run(tricky, ["ls", `${folder}/outside`]), "dir\nmade\n");
    assertEquals([...Deno.readDirSync(`${folder}/outside`)], []);
  });
});

Deno.test("what the sandbox mounts is not seen outside", async () => {
  const before = Deno.readTextFileSync("/proc/self/mountinfo");
  await inFolder(async (folder) => {
    await using _ = await sandbox().bind(folder, "/data", { writable: true }).tmpfs("/tmp/x")
      .spawn(["sleep", "30"], { stdin: "null" });
    assertEquals(Deno.readTextFileSync("/proc/self/mountinfo"), before);
  });
});

Deno.test("symlink, dir and file are made with their modes", async () => {
  const box = sandbox()
    .symlink("/tmp/there", "/opt/link")
    .dir("/opt/open", { mode: "1777" })
    .dir("/opt/plain")
    .dir("/opt/closed", { mode: 0o700 })
    .file("/opt/text", "héllo\n")
    .file("/opt/run", "#!/bin/sh\necho ran\n", { mode: "0755" })
    .file("/opt/bytes", new Uint8Array([0, 255, 10]), { mode: "0400" })
    .file("/opt/empty", "");
  assertEquals(
    await sh(
      box,
      "readlink /opt/link; stat -c %a:%F /opt/open /opt/plain /opt/closed /opt/text /opt/run /opt/bytes /opt/empty; cat /opt/text; /opt/run; od -An -tx1 /opt/bytes",
    ),
    "/tmp/there\n1777:directory\n755:directory\n700:directory\n644:regular file\n755:regular file\n" +
      "400:regular file\n644:regular empty file\nhéllo\nran\n 00 ff 0a\n",
  );
});

Deno.test("modes do not depend on the program's umask", async () => {
  const before = Deno.umask(0o077);
  try {
    const box = sandbox().dir("/opt/d").file("/opt/f", "x").dir("/opt/w", { mode: "0777" })
      .tmpfs("/opt/t", { mode: "1755" });
    assertEquals(
      await sh(box, "stat -c %a /opt /opt/d /opt/f /opt/w /opt/t /dev/shm /dev"),
      "755\n755\n644\n777\n1755\n1777\n755\n",
    );
  } finally {
    Deno.umask(before);
  }
});

Deno.test("a large file arrives whole", async () => {
  const contents = new Uint8Array(3_000_000).map((_, index) => index * 7);
  const { stdout } = await sandbox().file("/opt/large", contents).output(["cat", "/opt/large"]);
  assertEquals(stdout.length, contents.length);
  assert(stdout.every((byte, index) => byte === contents[index]));
});

Deno.test("a file over a file of the host is the sandbox's alone", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/conf`, "host");
    const box = sandbox().bind(folder, "/data", { writable: true })
      .file("/data/conf", "box", { mode: "0600" });
    assertEquals(await sh(box, "cat /data/conf; echo; stat -c %a /data/conf"), "box\n600\n");
    assertEquals(await Deno.readTextFile(`${folder}/conf`), "host");
  });
});

Deno.test("the size of a tmpfs is enforced, and its mode is set", async () => {
  const box = sandbox().tmpfs("/small", { size: "1M", mode: "0750" });
  const { success, stderr, stdout } = await attempt(
    box,
    "stat -c %a /small; head -c 1000000 /dev/zero > /small/fits && head -c 200000 /dev/zero > /small/x",
  );
  assertEquals({ success, stdout }, { success: false, stdout: "750\n" });
  assertMatch(stderr, /No space left on device/);
  assertEquals(await sh(sandbox().tmpfs("/t"), "stat -c %a /t"), "1777\n");
  const numbers = await sh(
    sandbox().tmpfs("/n", { size: 65536, mode: 0o711 }),
    "stat -c %a /n; df -k /n | tail -n 1",
  );
  assertMatch(numbers, /^711\n\S+\s+64\s/);
});

Deno.test('root("empty") holds only what is put there', async () => {
  const box = sandbox().root("empty").bind("/usr").symlink("usr/bin", "/bin").symlink(
    "usr/lib",
    "/lib",
  )
    .symlink("usr/lib64", "/lib64");
  const names = lines(await run(box, ["ls", "-A", "/"])).sort();
  assertEquals(names, ["bin", "dev", "lib", "lib64", "proc", "run", "tmp", "usr"]);
});

Deno.test("root(directory) is read-only unless writable; its links are not followed outside", async () => {
  await inFolder(async (folder) => {
    for (const name of ["usr", "proc", "dev", "tmp", "run", "data"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    for (const name of ["bin", "lib", "lib64"]) {
      await Deno.symlink(`usr/${name}`, `${folder}/${name}`);
    }
    await Deno.symlink("/etc", `${folder}/escape`);
    const box = sandbox().root(folder).bind("/usr", "/usr");
    assertMatch((await attempt(box, "touch /data/x")).stderr, /Read-only file system/);
    const writable = sandbox().root(folder, { writable: true }).bind("/usr", "/usr");
    await sh(writable, "echo made > /data/x");
    assertEquals(owner(`${folder}/data/x`), OWNER);
    assertEquals(await Deno.readTextFile(`${folder}/data/x`), "made\n");
    const escape = await assertRejects(() => box.tmpfs("/escape").output(["true"]), StepError);
    assertEquals((escape.cause as SyscallError).code, "ENOENT");
    assertEquals(await sh(box.tmpfs("/data"), "touch /data/y && ls /data"), "y\n");
    assertEquals([...Deno.readDirSync(`${folder}/data`)].map(({ name }) => name), ["x"]);
  });
});

Deno.test("a directory root that is missing or a file is a StepError", async () => {
  const missing = await assertRejects(
    () => sandbox().root("/nonexistent").output(["true"]),
    StepError,
  );
  assertEquals((missing.cause as SyscallError).code, "ENOENT");
  assertStringIncludes(missing.message, "/nonexistent");
  const file = await assertRejects(() => sandbox().root("/etc/passwd").output(["true"]), StepError);
  assertEquals((file.cause as SyscallError).code, "EINVAL");
  assertMatch(file.message, /must be a directory/);
});

Deno.test("devices of a bind work only where asked for", async () => {
  const plain = await attempt(sandbox().bind("/dev/null", "/opt/null"), "echo x > /opt/null");
  assertEquals(plain.success, false);
  assertMatch(plain.stderr, /Permission denied/);
  await sh(sandbox().bind("/dev/null", "/opt/null", { devices: true }), "echo x > /opt/null");
});

Deno.test("a bind of a tree takes the mounts below it along, read-only too", async () => {
  // /proc holds no mounts here for an ordinary user; /dev has pts and shm nearly everywhere.
  const box = sandbox().bind("/dev", "/hostdev");
  const mounts = lines(await run(box, ["cat", "/proc/self/mountinfo"])).map((line) =>
    line.split(" ")
  )
    .filter(([, , , , point]) => point!.startsWith("/hostdev"));
  assert(mounts.length >= 1);
  for (const mount of mounts) assert(mount[5]!.split(",").includes("ro"), mount.join(" "));
});

Deno.test("paths that make no sense are SpecErrors that name the field", async () => {
  const cases: [Sandbox, string][] = [
    [sandbox().bind("/usr", "relative"), "mounts[4].target"],
    [sandbox().bind("/usr", "/a/../b"), "mounts[4].target"],
    [sandbox().bind("", "/a"), "mounts[4].source"],
    [sandbox().bind("/usr", "/"), "mounts[4].target"],
    [sandbox().tmpfs("/"), "mounts[4].target"],
    [sandbox().file("/a\0b", "x"), "mounts[4].target"],
    [sandbox().cwd("relative"), "cwd"],
  ];
  for (const [box, field] of cases) {
    const error = await assertRejects(() => box.output(["true"]), SpecError);
    assertEquals(error.field, field);
  }
});
