/** `paddock image`, as a person uses it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { archive } from "../image/archives.ts";
import { inFolder } from "../integration/support.ts";
import { line } from "../../lib/cli/image/progress_bar.ts";
import { sizeText } from "../../lib/cli/image/size_text.ts";
import { onImages, shell } from "../image/small_root.ts";
import { paddock } from "./run.ts";

Deno.test("image: import, ls, inspect, export, rm", () =>
  inFolder(async (folder) => {
    const env = { PADDOCK_STORE: `${folder}/store` };
    const run = (...args: string[]) => paddock(["image", ...args], { env });
    await Deno.writeFile(
      `${folder}/a.tar`,
      archive({ name: "bin/x", data: "x".repeat(3000) }, { name: "dev/null", type: "3" }),
    );
    const imported = await run(
      "import",
      `${folder}/a.tar`,
      "box:1",
      "--owners",
      Deno.uid() === 0 ? "keep" : "flatten",
    );
    assertMatch(imported.stdout, /^sha256:[0-9a-f]{64} box:1 \(1 layers, 2\.9K\)\n$/);
    assertStringIncludes(imported.stderr, "1 device nodes were left out");
    assertEquals(imported.code, 0);
    const listed = await run("ls");
    assertMatch(
      listed.stdout,
      /^NAME +ID +LAYERS +SIZE +IMPORTED\nbox:1 +[0-9a-f]{12} +1 +2\.9K +20/,
    );
    assertEquals(JSON.parse((await run("ls", "--json")).stdout)[0].names, ["box:1"]);
    assertEquals(JSON.parse((await run("inspect", "box:1")).stdout).report.devices, 1);
    assertEquals((await run("export", "box:1", "--format=rootfs", `${folder}/out.tar`)).code, 0);
    const again = await run(
      "import",
      "-n",
      "box:2",
      "--owners",
      "flatten",
      `${folder}/out.tar`,
      "--json",
    );
    assertEquals(JSON.parse(again.stdout)[0].names, ["box:2"]);
    assertEquals((await run("rm", "box:1", "box:2")).stdout, "removed box:1\nremoved box:2\n");
    assertEquals((await run("ls")).stdout.trim().split("\n").length, 1);
  }));

Deno.test("image: what is wrong is told in one line", () =>
  inFolder(async (folder) => {
    const env = { PADDOCK_STORE: `${folder}/store` };
    await Deno.writeFile(`${folder}/evil.tar`, archive({ name: "../x" }));
    for (
      const [args, words] of [
        [["image"], "there is no subcommand"],
        [["image", "improt"], "did you mean `paddock image import`?"],
        [["image", "import"], "write `paddock image import [options] FILE|DIR|- [NAME]`"],
        [["image", "rm", "none"], 'image "none": there is no such image, and no other'],
        [["image", "import", `${folder}/none`], "ENOENT"],
        [["image", "import", `${folder}/evil.tar`], 'entry "../x": its name holds ".."'],
        [["image", "import", `${folder}/evil.tar`, "--owners", "me"], "neither keep nor flatten"],
        [["image", "import", `${folder}/evil.tar`, "--max-entries=x"], "--max-entries"],
      ] as [string[], string][]
    ) {
      const { code, stderr } = await paddock(args, { env });
      assertEquals(code, 125);
      assertEquals(stderr.trim().split("\n").length, 1);
      assertStringIncludes(stderr, words);
    }
    assertStringIncludes((await paddock(["image", "--help"])).stdout, "inspect");
    assertStringIncludes((await paddock(["image", "import", "--help"])).stdout, "--max-size SIZE");
  }));

Deno.test("image: the progress bar and sizes", () => {
  assertEquals(line(50, 200), `importing [${"#".repeat(8)}${".".repeat(22)}] 25% of 200B`);
  assertEquals(line(3 * 1024 * 1024, undefined), "importing 3.0M");
  assertEquals([0, 999, 1000, 1536, 2 ** 30 * 5].map(sizeText), [
    "0B",
    "999B",
    "1.0K",
    "1.5K",
    "5.0G",
  ]);
});

Deno.test("run: on an image, with its command, and what was changed is saved", () =>
  onImages(async ({ make, folder }) => {
    await make("box", { Entrypoint: ["/bin/sh", "-c"], Cmd: ["echo from the image"] });
    const env = { PADDOCK_STORE: `${folder}/store` };
    const run = (...args: string[]) => paddock(["run", ...args], { env });
    const own = await run("--root", "box");
    assertEquals([own.stdout, own.stderr, own.code], ["from the image\n", "", 0]);
    const saved = await run(
      "--root=box",
      "--save-diff",
      `${folder}/diff.tar`,
      "sh",
      "-c",
      "echo x > /var/new; rm /etc/group; exit 3",
    );
    assertEquals([saved.stderr, saved.code], ["", 3]);
    const listed = await shell(`tar tf '${folder}/diff.tar'`);
    assertEquals(listed.trim().split("\n").slice(1), [
      "etc/",
      "etc/.wh.group",
      "var/",
      "var/new",
    ]);
    await shell(
      `chmod -R a+rX '${folder}/small'; mkdir '${folder}/small/proc' '${folder}/small/dev' '${folder}/small/run'`,
    );
    const directory = await run(
      "--root",
      `${folder}/small`,
      "--overlay-root",
      "sh",
      "-c",
      "echo x > /var/y && cat /var/y",
    );
    assertEquals([directory.stdout, directory.stderr], ["x\n", ""]);
    // Changes are done to the directory, or become an image, where the command has succeeded.
    const over = ["--root", `${folder}/small`, "--overlay-root"];
    const failed = await run(...over, "--apply", "sh", "-c", "echo x > /var/bad; exit 3");
    assertEquals([failed.stderr, failed.code], [
      "paddock: the command did not succeed; its changes are dropped\n",
      3,
    ]);
    const applied = await run(...over, "--apply", "sh", "-c", "echo x > /var/good");
    assertEquals([applied.stderr, applied.code], ["", 0]);
    const names = [...Deno.readDirSync(`${folder}/small/var`)].map(({ name }) => name);
    assertEquals([names.includes("good"), names.includes("bad")], [true, false]);
    const made = await run("--root=box", "--commit=next", "sh", "-c", "echo committed > /var/new");
    assertEquals([made.stderr, made.code], ["", 0]);
    assertEquals((await run("--root=next", "cat", "/var/new")).stdout, "committed\n");
    await Deno.writeTextFile(
      `${folder}/spec.yaml`,
      "root: { image: box, readonly: true }\ncommand: [sh, -c, 'echo x > /new || echo fixed']\n",
    );
    assertEquals((await run("-f", `${folder}/spec.yaml`)).stdout, "fixed\n");
    for (
      const [args, words] of [
        [["--root", "none", "true"], 'image "none": there is no such image'],
        [["--overlay-root", "true"], "--overlay-root: needs a directory or an image"],
        [["--save-diff", "x", "true"], "--save-diff: there are no changes to keep"],
        [["--apply", "true"], "--apply: there are no changes to keep"],
        [["--root", "box", "--apply", "true"], "an image is never changed"],
      ] as [string[], string][]
    ) {
      const { code, stderr } = await run(...args);
      assertEquals(code, 125);
      assertStringIncludes(stderr, words);
    }
  }));
