// A root whose places are links to the host: what is mounted or made there must stay inside.
// runc CVE-2024-45310, crun CVE-2026-47766, bubblewrap CVE-2026-87766.

import { assert, assertEquals } from "@std/assert";
import { type Sandbox, sandbox } from "../../mod.ts";
import { attempt, PACE } from "../integration/support.ts";

/** A folder that can be a root once `/usr` is bound into it, and one that nobody may touch. */
async function roots(use: (root: string, outside: string) => Promise<void>): Promise<void> {
  // Where no tmpfs of the sandbox's covers the places that links lead to.
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "paddock-test-" });
  try {
    await Deno.chmod(folder, 0o755);
    const root = `${folder}/root`, outside = `${folder}/outside`;
    // The same path is there inside, so that what resolves it in the root finds something.
    for (const path of [`${root}/usr`, `${folder}/other`, outside, `${root}${outside}`]) {
      await Deno.mkdir(path, { recursive: true });
    }
    // Not the file's owner is to be the wall here.
    await Deno.chmod(outside, 0o777);
    for (const name of ["bin", "lib", "lib64"]) {
      await Deno.symlink(`usr/${name}`, `${root}/${name}`);
    }
    for (const name of ["proc", "dev", "tmp", "run"]) await Deno.mkdir(`${root}/${name}`);
    await use(root, outside);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** A directory as the root in each way that there is. */
const KINDS: Record<string, (root: string) => Sandbox> = {
  "read-only": (root) => sandbox().root(root),
  writable: (root) => sandbox().root(root, { writable: true }),
  ephemeral: (root) => sandbox().root(root, { ephemeral: true }),
  "of two layers": (root) =>
    sandbox().root({ overlay: { lower: [root, `${root}/../other`], upper: "ephemeral" } }),
};

for (const [kind, rootOf] of Object.entries(KINDS)) {
  Deno.test(`a root, ${kind}, whose own places are links to the host`, () =>
    roots(async (root, outside) => {
      const up = "../".repeat(12);
      for (const link of [outside, `${up}${outside}`, `/proc/self/root${outside}`]) {
        for (const place of ["proc", "dev", "tmp", "run"]) {
          await Deno.remove(`${root}/${place}`);
          await Deno.symlink(link, `${root}/${place}`);
          const { code, stdout } = await attempt(rootOf(root).bind("/usr"), "echo ran")
            .catch(() => ({ code: -1, stdout: "" }));
          // Either it leads nowhere in the root, which is an error, or the place was made inside.
          assert(code === -1 || (code === 0 && stdout === "ran\n"), `${place} ${link} ${code}`);
          assertEquals(names(outside), [], `${place} is ${link}`);
          await Deno.remove(`${root}/${place}`);
          await Deno.mkdir(`${root}/${place}`);
        }
      }
    }));

  Deno.test(`a root, ${kind}, in which a mount point or its parent is a link to the host`, () =>
    roots(async (root, outside) => {
      const places: Record<string, (box: Sandbox, at: string) => Sandbox> = {
        bind: (box, at) => box.bind("/usr/bin", at),
        "bind of a file": (box, at) => box.bind("/usr/bin/true", at),
        tmpfs: (box, at) => box.tmpfs(at),
        dir: (box, at) => box.dir(at),
        file: (box, at) => box.file(at, "text"),
        dev: (box, at) => box.dev(at),
        proc: (box, at) => box.proc(at),
        overlay: (box, at) => box.overlay(at, { lower: ["/usr/bin", "/usr/lib"] }),
        mask: (box, at) => box.mask(at),
        readonly: (box, at) => box.readonly(at),
      };
      await Deno.writeTextFile(`${outside}/mine`, "mine");
      for (const link of [outside, `${"../".repeat(12)}${outside}`]) {
        await Deno.symlink(link, `${root}/link`);
        for (const [name, put] of Object.entries(places)) {
          for (const at of ["/link", "/link/below", "/link/below/deeper"]) {
            const box = put(rootOf(root).bind("/usr"), at);
            await box.output(["/bin/true"]).catch(() => {});
            assertEquals(names(outside), ["mine"], `${name} on ${at}`);
            assertEquals(await Deno.readTextFile(`${outside}/mine`), "mine");
          }
        }
        await Deno.remove(`${root}/link`);
      }
    }));
}

/** A program that keeps on swapping a directory and a link until it is killed. */
function swapper(root: string, link: string): Deno.ChildProcess {
  const program = `
    Deno.symlinkSync(${JSON.stringify(link)}, "link");
    for (;;) {
      Deno.renameSync("place", "aside");
      Deno.renameSync("link", "place");
      Deno.renameSync("place", "link");
      Deno.renameSync("aside", "place");
    }`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      `data:application/javascript,${encodeURIComponent(program)}`,
    ],
    cwd: root,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
}

/** An emulated machine would take hours. */
const LAUNCHES = Math.ceil(1200 / PACE ** 2);

for (const kind of ["writable", "ephemeral"]) {
  Deno.test(`a link that is swapped in during ${LAUNCHES} launches leads nowhere out of a ${kind} root`, () =>
    roots(async (root, outside) => {
      await Deno.mkdir(`${root}/place/sub`, { recursive: true });
      await Deno.mkdir(`${outside}/sub`);
      await Deno.chmod(`${outside}/sub`, 0o777);
      await Deno.writeTextFile(`${outside}/sub/mine`, "mine");
      const box = KINDS[kind]!(root).bind("/usr").bind("/usr/bin", "/place/sub")
        .tmpfs("/place/sub").bind("/usr/bin/true", "/place/sub/mine").dir("/place/sub/made")
        .mount({ kind: "mask", target: "/place/sub", optional: true });
      const child = swapper(root, outside);
      let ran = 0, failed = 0;
      try {
        let left = LAUNCHES;
        await Promise.all(Array.from({ length: 4 }, async () => {
          while (left-- > 0) {
            await box.output(["/bin/true"]).then(() => ran++, () => failed++);
          }
        }));
      } finally {
        child.kill("SIGKILL");
        await child.status;
      }
      // The race is one: some launches found the directory, some the link, which leads to a place
      // inside; or they were in between.
      assert(ran > 0 && ran + failed >= LAUNCHES, `${ran} ran, ${failed} failed`);
      assertEquals([names(outside), names(`${outside}/sub`)], [["sub"], ["mine"]]);
      assertEquals(await Deno.readTextFile(`${outside}/sub/mine`), "mine");
    }));
}

Deno.test("a bound folder whose link is swapped does not let a mount out, either", () =>
  roots(async (root, outside) => {
    await Deno.mkdir(`${root}/place`);
    await Deno.writeTextFile(`${outside}/mine`, "mine");
    const box = sandbox().bind(root, "/work", { writable: true }).bind("/usr/bin", "/work/place")
      .file("/work/place/true", "made");
    const child = swapper(root, outside);
    try {
      for (let round = 0; round < 400 / PACE; round++) {
        const found = await box.output(["sh", "-c", "ls -A /work/place"])
          .then(({ stdout }) => new TextDecoder().decode(stdout), () => "");
        assert(!found.includes("mine"), found);
      }
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
    assertEquals(names(outside), ["mine"]);
  }));
