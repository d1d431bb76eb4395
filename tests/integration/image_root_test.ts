/** Sandboxes on images: layers, what an image says of itself, and what the command changes. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { defineHook, ImageError, Images, sandbox, SpecError } from "../../mod.ts";
import { ownIdMaps } from "../../lib/image/owners/user_namespace.ts";
import { onImages, shell } from "../image/small_root.ts";
import { attempt, lines, openDescriptors, ROOT, run, sh, testIf, text } from "./support.ts";

const several = ROOT || ownIdMaps() !== undefined;

Deno.test("image root: five layers, with deletions, as one", () =>
  onImages(async ({ make }) => {
    await make("five", {}, [
      [
        { name: "d/", type: "5", mode: 0o755 },
        { name: "d/one", data: "1" },
        { name: "d/two", data: "2" },
        { name: "e/", type: "5" },
        { name: "e/below", data: "x" },
      ],
      [{ name: "d/.wh.one" }, { name: "d/three", data: "3" }],
      [{ name: "e/.wh..wh..opq" }, { name: "e/above", data: "x" }],
      [{ name: "d/two", data: "22" }],
    ]);
    const box = sandbox().root({ image: "five" });
    assertEquals(lines(await sh(box, "cd /d; echo *; cat two; cd /e; echo; echo *")), [
      "three two",
      "22",
      "above",
    ]);
    // Nothing of it is written, and the next one sees nothing of this one.
    await sh(box, "rm -r /d; echo x > /new");
    assertEquals(
      await sh(box, "cat /d/three; ls /new 2>&1 || true"),
      "3ls: cannot access '/new': No such file or directory\n",
    );
  }));

Deno.test("image root: what the image says are defaults", () =>
  onImages(async ({ make }) => {
    await make("said", {
      Env: ["GREETING=hello=you", "PATH=/bin"],
      WorkingDir: "/var/lib",
      User: several ? "bird" : "7",
      Entrypoint: ["/bin/sh", "-c"],
      Cmd: ["echo $GREETING $PATH $HOME; pwd; id -u; id -g"],
    });
    const box = sandbox().root({ image: "said" });
    const { stdout, stderr } = await box.output();
    const own = [several ? "/home/bird" : "/home/bird", "/var/lib", "7", "8"];
    assertEquals([text(stderr), ...lines(text(stdout))], [
      "",
      `hello=you /bin ${own[0]}`,
      ...own.slice(1),
    ]);
    const other = box.env("GREETING", "mine").cwd("/").user(0);
    assertEquals(lines(await sh(other, "echo $GREETING; pwd; id -u")), ["mine", "/", "0"]);
    const plain = await sandbox().root({ image: "said" }).output(["/bin/sh", "-c", "id -u"]);
    assertEquals(text(plain.stdout), "7\n");
  }));

testIf(
  several,
  "this user has one id only",
  "image root: files belong to whom the archive says",
  () =>
    onImages(async ({ make }) => {
      await make("owned", {}, [[
        { name: "theirs", uid: 33, gid: 44, mode: 0o640, data: "x" },
        { name: "many", uid: 60000, gid: 60000, data: "x" },
      ]]);
      const box = sandbox().root({ image: "owned" });
      assertEquals(
        lines(await sh(box, "stat -c '%u %g %a' /theirs /many /usr /tmp; id -u")),
        ["33 44 640", "60000 60000 644", "0 0 755", "0 0 1777", "0"],
      );
      // Of the host's own ids it has none.
      if (ROOT) {
        await using child = await box.spawn(["sleep", "9"]);
        const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
        assert(!/^Uid:\s+0/m.test(status), status);
      }
    }),
);

testIf(
  !ROOT,
  "root keeps all owners",
  "image root: flattened, everything is the user's",
  () =>
    onImages(async ({ make }) => {
      await make("flat", {}, [[{ name: "theirs", uid: 33, data: "x" }]], { owners: "flatten" });
      const box = sandbox().root({ image: "flat" });
      assertEquals(await sh(box, "stat -c %u /theirs /usr; id -u; rm /theirs"), "0\n0\n0\n");
    }),
);

Deno.test("image root: read-only, and kept in a directory", () =>
  onImages(async ({ make, folder }) => {
    await make("plain", {});
    const fixed = await attempt(
      sandbox().root({ image: "plain", readonly: true }),
      "echo x > /new",
    );
    assertStringIncludes(fixed.stderr, "Read-only file system");
    const upper = `${folder}/kept`;
    await Deno.mkdir(upper);
    const box = sandbox().root({ image: "plain", upper });
    await sh(box, "echo kept > /var/lib/file; rm /etc/group");
    assertEquals(await sh(box, "cat /var/lib/file; ls /etc"), "kept\npasswd\n");
    await using child = await box.spawn(["sh", "-c", "echo more > /var/more"]);
    await child.status;
    assertEquals(await child.changes(), {
      added: ["/var/lib/file", "/var/more"],
      modified: [],
      deleted: ["/etc/group"],
    });
    await shell(`chmod -R u+rwx '${folder}/kept.work' 2>/dev/null || true`).catch(() => {});
    if (!ROOT && several) {
      // What has other owners can only be removed by them.
      const { inUserNamespace } = await import("../../lib/image/owners/user_namespace.ts");
      await inUserNamespace({ verb: "remove", paths: [upper, `${upper}.work`] });
    }
    await new Images().remove("plain");
  }));

Deno.test("changes: added, modified and deleted, and nothing else", () =>
  onImages(async ({ make, images, folder }) => {
    await make("base", {}, [[
      { name: "data/", type: "5" },
      { name: "data/same", data: "same" },
      { name: "data/text", data: "12345" },
      { name: "data/mode", data: "x" },
      { name: "data/gone", data: "x" },
      { name: "data/link", type: "2", link: "text" },
      { name: "tree/", type: "5" },
      { name: "tree/a", data: "x" },
      { name: "tree/b", data: "x" },
      { name: "full/", type: "5" },
      { name: "full/old", data: "x" },
      { name: "moved", data: "x" },
    ]]);
    await using child = await sandbox().root({ image: "base" }).tmpfs("/made/for/mount").spawn([
      "sh",
      "-c",
      `cd /data; echo new > new; mkdir dir; echo x > dir/below
      # The same bytes, the same length, and another length of time.
      cp same copy; rm same; mv copy same; touch same
      printf 54321 > text; chmod 600 mode; rm gone link; ln -s same link
      rm -r /tree; rm -r /full; mkdir /full; echo x > /full/fresh
      mv /moved /data/moved; echo hidden > /tmp/hidden; echo x > /made/for/mount/x
      mkfifo fifo`,
    ]);
    assertEquals((await child.status).code, 0);
    const expected = {
      added: [
        "/data/dir",
        "/data/dir/below",
        "/data/fifo",
        "/data/moved",
        "/data/new",
        "/full/fresh",
      ],
      modified: ["/data/link", "/data/mode", "/data/text"],
      deleted: ["/data/gone", "/full/old", "/moved", "/tree"],
    };
    assertEquals(await child.changes(), expected);
    await child.saveDiff(`${folder}/diff.tar`);
    const names = await shell(`tar tf '${folder}/diff.tar'`);
    for (
      const name of ["data/.wh.gone", ".wh.tree", "full/.wh..wh..opq", ".wh.moved", "data/new"]
    ) {
      assert(lines(names).includes(name), `${name} is not in ${names}`);
    }
    assert(!names.includes("hidden"));
    // A layer of its own makes the same of the same image.
    const made = await child.commit("next:1");
    assertEquals(made.layers.length, 3);
    assertEquals((await images.inspect("next:1")).id, made.id);
    const next = sandbox().root({ image: "next:1" });
    assertEquals(
      await sh(
        next,
        "cd /; cat data/text data/new; echo full/*; ls tree moved 2>/dev/null || true",
      ),
      "54321new\nfull/fresh\n",
    );
    await using again = await next.spawn(["sh", "-c", "true"]);
    await again.status;
    assertEquals(await again.changes(), { added: [], modified: [], deleted: [] });
  }));

Deno.test("changes: of a directory under an overlay; and while the command runs", () =>
  onImages(async ({ folder }) => {
    await shell(
      `cp -a '${folder}/small' '${folder}/dir'; chmod -R a+rX '${folder}/dir'; mkdir -p '${folder}/dir/proc' '${folder}/dir/dev' '${folder}/dir/run'`,
    );
    const box = sandbox().root({ overlay: { lower: [`${folder}/dir`], upper: "ephemeral" } });
    await using child = await box.spawn(
      ["sh", "-c", "echo x > /tmp/../var/new && echo ready; exec sleep 20"],
      { stdout: "piped" },
    );
    await child.stdout.getReader().read();
    const { added } = await child.changes();
    assertEquals(added, ["/var/new"]);
  }));

Deno.test("changes: also where a hook has added to the mounts, and a new plan was made", () =>
  onImages(async ({ make, images }) => {
    await make("hooked", {});
    const box = sandbox().root({ image: "hooked" }).use(defineHook({
      name: "more",
      preMount: (ctx) => ctx.addMount({ kind: "file", target: "/added", contents: "x" }),
    }));
    await using child = await box.spawn(["sh", "-c", "cat /added; echo x > /var/mine"], {
      stdout: "null",
    });
    assertEquals((await child.status).code, 0);
    assert((await child.changes()).added.includes("/var/mine"));
    await images.remove("hooked").catch(() => {});
  }));

Deno.test("changes: where there are none to tell, the error says so", () =>
  onImages(async ({ make }) => {
    await make("plain", {});
    {
      await using child = await sandbox().spawn(["true"]);
      await assertRejects(() => child.changes(), SpecError, "no image and no overlay");
    }
    const child = await sandbox().root({ image: "plain" }).spawn(["sh", "-c", "echo x > /new"]);
    await child.status;
    assertEquals((await child.changes()).added, ["/new"]);
    await child[Symbol.asyncDispose]();
    await child[Symbol.asyncDispose]();
    await assertRejects(() => child.changes(), TypeError, "disposed");
  }));

Deno.test("changes: keep no descriptors open once they are dropped", () =>
  onImages(async ({ make }) => {
    await make("plain", {});
    const box = sandbox().root({ image: "plain" });
    const once = async () => {
      await box.output(["sh", "-c", "true"]);
      await using child = await box.spawn(["sh", "-c", "true"]);
      await child.status;
    };
    await once();
    await once();
    const before = openDescriptors();
    for (let count = 0; count < 5; count++) await once();
    assert(openDescriptors() <= before, `${openDescriptors()} open, ${before} before`);
  }));

Deno.test("image root: an image in use is not removed, and one that is gone is named", () =>
  onImages(async ({ make, images }) => {
    await make("used", {});
    const box = sandbox().root({ image: "used" });
    {
      await using _child = await box.spawn(["sleep", "20"]);
      await assertRejects(() => images.remove("used"), ImageError, "a sandbox runs on it");
    }
    assertEquals(await images.remove("used"), { removed: true });
    await assertRejects(() => run(box, ["sh"]), ImageError, '"used"');
    assert(
      String(
        await Promise.resolve().then(() => {
          try {
            return box.plan();
          } catch (error) {
            return error;
          }
        }),
      ).includes("there is no such image"),
    );
  }));

Deno.test("image root: the plan shows the layers", () =>
  onImages(async ({ make }) => {
    await make("shown", {}, [[{ name: "x" }]]);
    const plan = String(sandbox().root({ image: "shown" }).plan(["id"]));
    assertStringIncludes(plan, "make a stack the new root");
    assertStringIncludes(plan, "with changes in memory");
  }));

Deno.test("image root: a name that means another image is another image", () =>
  onImages(async ({ make }) => {
    await make("name", {}, [[{ name: "which", data: "first" }]]);
    const box = sandbox().root({ image: "name" });
    assertEquals(await sh(box, "cat /which"), "first");
    await make("name", {}, [[{ name: "which", data: "second" }]]);
    assertEquals(await sh(box, "cat /which"), "second");
  }));

Deno.test("image root: what contradicts itself is refused", () => {
  for (
    const [root, field] of [
      [{ image: "" }, "root.image"],
      [{ image: "x", readonly: true, upper: "/tmp/x" }, "root.upper"],
      [{ image: "x", readonly: true, size: "1M" }, "root.size"],
      [{ image: "x", size: "much" }, "root.size"],
    ] as const
  ) {
    const error = (() => {
      try {
        sandbox().root(root).plan();
      } catch (error) {
        return error;
      }
    })();
    assert(error instanceof SpecError, String(error));
    assertEquals(error.field, field);
  }
});
