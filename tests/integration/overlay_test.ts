import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Sandbox, sandbox, SpecError, StepError } from "../../mod.ts";
import { output } from "../../lib/run/run.ts";
import { attempt, inFolder, kernelIs, lines, ROOT, sh, testIf } from "./support.ts";

/** Directories `a`, `b` ..., each with a file of its own and one that all have. */
async function layers(folder: string, ...names: string[]): Promise<string[]> {
  for (const name of names) {
    await Deno.mkdir(`${folder}/${name}/sub`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}/same`, name);
    await Deno.writeTextFile(`${folder}/${name}/sub/${name}`, name);
  }
  return names.map((name) => `${folder}/${name}`);
}

/** A folder that can be a root once `/usr` is bound into it. */
async function rootFolder(folder: string): Promise<string> {
  await Deno.mkdir(`${folder}/root/usr`, { recursive: true });
  for (const name of ["bin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, `${folder}/root/${name}`);
  }
  return `${folder}/root`;
}

/** The kernel leaves a directory in the work directory that its owner may not look into. */
function openWork(...works: string[]): void {
  for (const work of works) Deno.chmodSync(`${work}/work`, 0o700);
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("without an upper directory the layers are shown read-only, the topmost first", async () => {
  await inFolder(async (folder) => {
    const box = sandbox().overlay("/o", { lower: await layers(folder, "a", "b", "c") });
    assertEquals(await sh(box, "cat /o/same; ls /o/sub"), "aa\nb\nc\n");
    assertMatch((await attempt(box, "touch /o/x")).stderr, /Read-only file system/);
    assertMatch((await attempt(box, "echo > /o/same")).stderr, /Read-only file system/);
  });
});

Deno.test("one layer without an upper directory is shown as it is", async () => {
  await inFolder(async (folder) => {
    const box = sandbox().overlay("/o", { lower: await layers(folder, "a") });
    assertEquals(await sh(box, "cat /o/same /o/sub/a"), "aa");
    assertMatch((await attempt(box, "touch /o/x")).stderr, /Read-only file system/);
  });
});

Deno.test("ephemeral changes are seen inside, and gone with the sandbox", async () => {
  await inFolder(async (folder) => {
    const lower = await layers(folder, "a", "b");
    await Deno.chmod(`${folder}/a`, 0o711);
    const size = kernelIs(6, 6) ? { size: "1M" } : {};
    const box = sandbox().overlay("/o", { lower, upper: "ephemeral", ...size });
    const script = "echo new > /o/same; rm -r /o/sub; mkdir /o/sub; touch /o/sub/x; cat /o/same; " +
      "ls -A /o /o/sub; stat -c %a /o";
    for (const _ of [1, 2]) {
      assertEquals(lines(await sh(box, script)), [
        ...["new", "/o:", "same", "sub", "", "/o/sub:", "x", "711"],
      ]);
    }
    assertEquals(await Deno.readTextFile(`${folder}/a/same`), "a");
    assertEquals(names(folder), ["a", "b"]);
    assertEquals(names(`${folder}/a/sub`), ["a"]);
    if (!kernelIs(6, 6)) return;
    const { stderr } = await attempt(box, "head -c 2M /dev/zero > /o/large");
    assertMatch(stderr, /No space left/);
  });
});

Deno.test("an upper directory of the host keeps the changes, whatever it is called", async () => {
  await inFolder(async (folder) => {
    const lower = await layers(folder, "a", "b");
    const upper = `${folder}/kept, a:b\\\\c`;
    await Deno.mkdir(upper);
    const box = sandbox().overlay("/o", { lower, upper });
    await sh(box, "echo new > /o/same; rm -r /o/sub; mkdir /o/sub; touch /o/sub/x");
    assertEquals(await sh(box, "cat /o/same; ls /o/sub"), "new\nx\n");
    assertEquals(names(upper), ["same", "sub"]);
    assertEquals(names(folder), [
      "a",
      "b",
      upper.slice(folder.length + 1),
      `${upper.slice(folder.length + 1)}.work`,
    ]);
    const { uid, gid } = await Deno.stat(`${upper}/same`);
    assertEquals([uid, gid], [Deno.uid(), Deno.gid()]);
    assertEquals(await Deno.readTextFile(`${folder}/a/same`), "a");
    const other = sandbox().overlay("/o", { lower, upper, work: `${folder}/own` });
    assertEquals(await sh(other, "cat /o/same"), "new\n");
    assert(names(folder).includes("own"));
    openWork(`${upper}.work`, `${folder}/own`);
  });
});

Deno.test("a work directory that a failed launch made goes with it, and another stays", async () => {
  await inFolder(async (folder) => {
    const lower = await layers(folder, "a");
    await Deno.mkdir(`${folder}/up`);
    const box = sandbox().overlay("/o", { lower, upper: `${folder}/up` });
    for (const wrong of [box, box.bind("/nothing")]) {
      await assertRejects(() => wrong.output(["no-such-command"]), StepError);
      assertEquals(names(folder), ["a", "up"]);
    }
    await Deno.mkdir(`${folder}/up.work`);
    await assertRejects(() => box.output(["no-such-command"]), StepError);
    assertEquals(names(folder), ["a", "up", "up.work"]);
    openWork(`${folder}/up.work`);
  });
});

Deno.test("an upper directory in one of its layers is refused, also by another name", async () => {
  await inFolder(async (folder) => {
    const lower = await layers(folder, "a");
    await Deno.symlink(`${folder}/a/sub`, `${folder}/link`);
    await Deno.mkdir(`${folder}/apart`);
    // The other way around, too: a layer would change with the changes.
    for (const upper of [folder, `${folder}/a`, `${folder}/a/sub`, `${folder}/link`]) {
      const wrong = [
        sandbox().overlay("/o", { lower, upper }),
        sandbox().root({ overlay: { lower, upper } }),
      ];
      for (const box of wrong) {
        const error = await assertRejects(() => box.output(["true"]), SpecError);
        assertMatch(error.message, /overlay|mounts\[4\]\.upper/);
        assertMatch(error.message, /the layer ".*\/a"/);
      }
    }
    assertEquals(names(folder), ["a", "apart", "link"]);
    await sh(sandbox().overlay("/o", { lower, upper: `${folder}/apart` }), "true");
    openWork(`${folder}/apart.work`);
  });
});

Deno.test("where a directory as the root lacks a mount point, the error says what to do", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    const error = await assertRejects(
      () => sandbox().root(root).bind("/usr").output(["true"]),
      StepError,
      '"/proc" must be there',
    );
    assertMatch(error.message, /make it first.*\/dev, \/tmp and \/run.*\{ ephemeral: true \}/);
    assertEquals(names(root), ["bin", "lib", "lib64", "usr"]);
  });
});

Deno.test("many layers, with paths longer than an option may be", async () => {
  await inFolder(async (folder) => {
    const deep = `${folder}/${"long-name-".repeat(20)}/${"another-".repeat(20)}`;
    const lower: string[] = [];
    for (let index = 0; index < 120; index++) {
      lower.push(`${deep}/${index}`);
      await Deno.mkdir(lower[index]!, { recursive: true });
      await Deno.writeTextFile(`${lower[index]}/f${index}`, "");
    }
    const box = sandbox().overlay("/o", { lower });
    assertEquals((await sh(box, "ls /o | wc -l")).trim(), "120");
    await Deno.mkdir(`${deep}/up`);
    const written = sandbox().overlay("/o", { lower, upper: `${deep}/up` });
    assertEquals((await sh(written, "touch /o/more; ls /o | wc -l")).trim(), "121");
    openWork(`${deep}/up.work`);
  });
});

Deno.test("a stack as the root; mount points are made in its changes, not on the host", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    const [a] = await layers(folder, "a");
    await Deno.symlink("/elsewhere", `${root}/link`);
    await Deno.mkdir(`${root}/elsewhere`);
    const box = sandbox().root({ overlay: { lower: [root], upper: "ephemeral" } })
      .bind("/usr").bind(a!, "/work/deep/a").bind(`${a}/same`, "/work/file")
      .bind(a!, "/link/below").file("/etc/motd", "hello").symlink("work", "/w")
      .dir("/d/e").tmpfs("/t/u").file("/t/u/v", "V");
    const found = await sh(
      box,
      "ls /w/deep/a; cat /work/file /etc/motd /t/u/v; ls /elsewhere/below; ls -d /d/e; echo x > /new; cat /new",
    );
    assertEquals(lines(found), ["same", "sub", "ahelloVsame", "sub", "/d/e", "x"]);
    assertEquals(names(root), ["bin", "elsewhere", "lib", "lib64", "link", "usr"]);
    assertEquals(names(`${root}/elsewhere`), []);
  });
});

Deno.test("in a kept upper directory no mount point is made", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    await Deno.mkdir(`${folder}/up`);
    const box = sandbox().root({ overlay: { lower: [root], upper: `${folder}/up` } })
      .bind("/usr").bind("/usr", "/work");
    const error = await assertRejects(() => box.output(["true"]), StepError);
    assertMatch(error.message, /ENOENT/);
    assertEquals(names(`${folder}/up`), []);
    assertEquals(names(folder), ["root", "up"]);
  });
});

Deno.test("a link of a layer that leads to the host leads into the root instead", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    const [a] = await layers(folder, "a");
    await Deno.mkdir(`${folder}/outside`);
    await Deno.symlink(`${folder}/outside`, `${root}/absolute`);
    await Deno.symlink(`../../../../../../../..${folder}/outside`, `${root}/relative`);
    for (const name of ["absolute", "relative"]) {
      const box = sandbox().root({ overlay: { lower: [root], upper: "ephemeral" } })
        .bind("/usr").dir(`${folder}/outside`).bind(a!, `/${name}/a`).file(`/${name}/f`, "f")
        .symlink("x", `/${name}/s`).tmpfs(`/${name}/t/u`);
      assertEquals(await sh(box, `ls ${folder}/outside`), "a\nf\ns\nt\n");
      assertEquals(names(`${folder}/outside`), []);
    }
  });
});

Deno.test("a link of a layer that leads nowhere is an error, and nothing is made through it", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    await Deno.symlink(`${folder}/nothing`, `${root}/gone`);
    const box = sandbox().root({ overlay: { lower: [root], upper: "ephemeral" } }).bind("/usr");
    for (const target of ["/gone", "/gone/x"]) {
      await assertRejects(() => box.bind("/usr", target).output(["true"]), StepError, "ENOENT");
    }
    assertEquals(names(folder), ["root"]);
  });
});

Deno.test("layers with owners: what the caller owns outside is the sandbox's user's inside", async () => {
  await inFolder(async (folder) => {
    const lower = await layers(folder, "a");
    const box = sandbox().user(1000, 1001).overlay("/o", { lower, upper: "ephemeral" });
    const script = "stat -c %u:%g /o /o/same; echo x >> /o/same; touch /o/n; stat -c %u:%g /o/n";
    assertEquals(lines(await sh(box, script)), Array(3).fill("1000:1001"));
  });
});

Deno.test("a root directory whose changes are in memory", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    await Deno.writeTextFile(`${root}/note`, "old");
    const size = kernelIs(6, 6) ? { size: "1M" } : {};
    const box = sandbox().root(root, { ephemeral: true, ...size }).bind("/usr");
    assertEquals(
      await sh(box, "echo new > /note; mkdir /made; cat /note; ls -d /made"),
      "new\n/made\n",
    );
    assertEquals(await Deno.readTextFile(`${root}/note`), "old");
    assertEquals(names(root), ["bin", "lib", "lib64", "note", "usr"]);
    if (!kernelIs(6, 6)) return;
    assertMatch((await attempt(box, "head -c 2M /dev/zero > /large")).stderr, /No space left/);
  });
});

testIf(
  ROOT && kernelIs(6, 3),
  "only root can mount something in it, and before Linux 6.3 a tmpfs has no id-mapped mounts",
  "a root directory in which something is mounted is taken apart, and changes stay in memory",
  async () => {
    await inFolder(async (folder) => {
      const root = await rootFolder(folder);
      await Deno.mkdir(`${root}/data/disk/below`, { recursive: true });
      await Deno.mkdir(`${root}/data/plain`);
      await Deno.writeTextFile(`${root}/data/disk/covered`, "");
      const mount = async (...args: string[]) => {
        assert((await new Deno.Command(args[0]!, { args: args.slice(1) }).output()).success);
      };
      await mount("mount", "-t", "tmpfs", "disk", `${root}/data/disk`);
      try {
        await Deno.writeTextFile(`${root}/data/disk/note`, "old");
        const box = sandbox().root(root, { ephemeral: true }).bind("/usr").bind(
          "/usr",
          "/data/new/usr",
        );
        const script = "ls /data/disk; echo new > /data/disk/note; touch /data/plain/x; " +
          "cat /data/disk/note; ls /data /data/plain; ls -d /data/new/usr/bin";
        assertEquals(
          await sh(box, script),
          "note\nnew\n/data:\ndisk\nnew\nplain\n\n/data/plain:\nx\n/data/new/usr/bin\n",
        );
        assertEquals(await Deno.readTextFile(`${root}/data/disk/note`), "old");
        assertEquals([names(`${root}/data`), names(`${root}/data/plain`)], [["disk", "plain"], []]);
      } finally {
        await mount("umount", `${root}/data/disk`);
      }
    });
  },
);

testIf(
  !ROOT,
  "for root the layers are opened outside, and always stacked by names",
  "where layers cannot be stacked by descriptors, they are by names",
  async () => {
    await inFolder(async (folder) => {
      const lower = await layers(folder, "a", "b");
      const box = sandbox().overlay("/o", { lower, upper: "ephemeral" });
      const plan = box.plan(["true"]);
      const step = plan.steps.find(({ name }) => name === "overlay")!;
      const calls = step.operations.map(({ call }, index) => ({ call, index }))
        .filter(({ call }) => call === "fsconfig");
      // EINVAL is what kernels say that do not know lowerdir+.
      for (const { index } of calls.slice(-4)) {
        const fault = { step: step.number, operation: index, errno: 22 };
        const { code, stdout } = await output(
          box.spec,
          [],
          ["sh", "-c", "echo x > /o/same; cat /o/same /o/sub/*; grep -c ' /o ' /proc/self/mounts"],
          { fault },
        );
        assertEquals([code, new TextDecoder().decode(stdout)], [0, "x\nab1\n"]);
      }
    });
  },
);

Deno.test("errors of a stack name the layers and say what to do", async () => {
  await inFolder(async (folder) => {
    const [a] = await layers(folder, "a");
    const failing = async (box: Sandbox, words: RegExp) => {
      const error = await assertRejects(() => box.output(["true"]), StepError);
      assertMatch(error.message, words);
    };
    await failing(
      sandbox().overlay("/o", { lower: [a!, `${folder}/none`] }),
      /none.*ENOENT.*(must exist|existing path)/,
    );
    for (const upper of [`${folder}/x`, `${folder}/x/y`, `${a}/same`]) {
      await assertRejects(
        () => sandbox().overlay("/o", { lower: [a!], upper }).output(["true"]),
        SpecError,
        `"${upper}" is `,
      );
    }
    await failing(
      sandbox().overlay("/o", { lower: [`${a}/same`, a!] }),
      /(EINVAL|ENOTDIR).*a layer must be a directory/,
    );
  });
});

Deno.test("the root's layers are not changed by what a sandbox removes", async () => {
  await inFolder(async (folder) => {
    const root = await rootFolder(folder);
    const box = sandbox().root({ overlay: { lower: [root], upper: "ephemeral" } }).bind("/usr");
    await Deno.mkdir(`${root}/extra/sub`, { recursive: true });
    assertEquals(await sh(box, "rm -r /extra; mkdir /x; ls / | grep -x -e x -e extra"), "x\n");
    assertEquals(names(root), ["bin", "extra", "lib", "lib64", "usr"]);
  });
});
