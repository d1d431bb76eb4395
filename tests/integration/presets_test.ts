import { resolve } from "@std/path";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readOnlyHost, sandbox, scratch, SECRETS, SpecError, workspace } from "../../mod.ts";
import { attempt, inFolder, kernelIs, lines, sh } from "./support.ts";

/** Runs with a home directory that has secrets in it. */
async function atHome(use: (home: string) => Promise<void>): Promise<void> {
  const before = Deno.env.get("HOME");
  await inFolder(async (home) => {
    await Deno.mkdir(`${home}/.ssh`);
    await Deno.writeTextFile(`${home}/.ssh/id`, "secret");
    await Deno.writeTextFile(`${home}/.netrc`, "secret");
    await Deno.writeTextFile(`${home}/note`, "note");
    Deno.env.set("HOME", home);
    try {
      // The sandbox has a /tmp of its own, where these homes lie.
      await use(home);
    } finally {
      if (before === undefined) Deno.env.delete("HOME");
      else Deno.env.set("HOME", before);
    }
  });
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("readOnlyHost: the host's files, none of them writable, no sockets of /run", async () => {
  const box = sandbox().with(readOnlyHost());
  const here = names("/").filter((name) => Deno.lstatSync(`/${name}`).isDirectory);
  assertEquals(
    lines(await sh(box, "find / -maxdepth 1 -type d | sort")).slice(1).map((path) => path.slice(1)),
    here,
  );
  for (const path of ["/x", "/etc/x", "/usr/x", "/var/x", "/sys/x", "/home/x", "/proc/sys/x"]) {
    assertMatch(
      (await attempt(box, `touch ${path}`)).stderr,
      /Read-only|Permission denied|No such file/,
      path,
    );
  }
  assertEquals(
    await sh(box, "touch /tmp/x /run/x; ls /tmp /run | tr '\n' ' '"),
    "/run: x  /tmp: x ",
  );
});

Deno.test("scratch: everything can be changed, and nothing has changed", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine`, "mine");
    const box = sandbox().with(scratch(kernelIs(6, 6) ? { size: "16M" } : {})).bind(
      folder,
      "/srv",
      { writable: false },
    )
      .mount({ kind: "overlay", target: "/mnt", lower: [folder], upper: "ephemeral" });
    assertEquals(
      await sh(box, "rm /mnt/mine; echo > /mnt/x; ls /mnt /srv"),
      "/mnt:\nx\n\n/srv:\nmine\n",
    );
    assertEquals(names(folder), ["mine"]);
  });
  // What the caller works in can be changed wherever it lies, outside of /tmp and /run.
  const own = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "paddock-test-" });
  const before = Deno.cwd();
  try {
    Deno.chdir(own);
    await Deno.writeTextFile(`${own}/mine`, "mine");
    const box = sandbox().with(scratch());
    assertEquals(await sh(box, `cd ${own}; echo x >> mine; rm mine; mkdir a; echo *`), "a\n");
    assertEquals(names(own), ["mine"]);
    assertEquals(await sh(box, `cat ${own}/mine`), "mine");
  } finally {
    Deno.chdir(before);
    await Deno.remove(own, { recursive: true });
  }
});

Deno.test("secrets are hidden, unless another list says otherwise", async () => {
  await atHome(async (home) => {
    for (const preset of [readOnlyHost, scratch]) {
      // Its own /tmp would hide the home, too.
      const bare = sandbox().with((box) => box.with(preset()).bind(home));
      const hidden = SECRETS.reduce(
        (box, path) => box.mount({ kind: "mask", target: resolve(home, path), optional: true }),
        bare,
      );
      assertEquals(await sh(hidden, `ls ${home}/.ssh; cat ${home}/note`), "note");
      const masks = sandbox().with(preset()).spec.mounts.filter(({ kind }) => kind === "mask");
      assertEquals(masks.map(({ target }) => target), SECRETS.map((path) => resolve(home, path)));
    }
    const spec = sandbox().with(readOnlyHost({ hide: ["/opt", "own"] })).spec;
    assertEquals(spec.mounts.slice(-2).map(({ target }) => target), ["/opt", `${home}/own`]);
  });
});

Deno.test("what the host keeps for root alone is not for root's sandbox either", async () => {
  await inFolder(async (folder) => {
    for (const preset of [readOnlyHost(), scratch(), workspace(folder)]) {
      const box = sandbox().with(preset);
      // Nothing is read, whoever asks: it is refused, or what is seen is empty.
      const { stdout } = await attempt(box, "cat /etc/shadow /etc/gshadow; ls -A /etc/ssl/private");
      assertEquals(stdout, "");
    }
  });
});

Deno.test("workspace: one directory to work in, dot files as they were", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/.git/hooks`, { recursive: true });
    await Deno.writeTextFile(`${folder}/.envrc`, "mine");
    await Deno.writeTextFile(`${folder}/code`, "1");
    await Deno.mkdir(`${folder}/kept`);
    const box = sandbox().with(workspace(folder, { protect: ["kept"] }));
    assertEquals(await sh(box, "pwd; echo 2 > code; touch new"), `${folder}\n`);
    assertEquals(await Deno.readTextFile(`${folder}/code`), "2\n");
    for (const path of [".git/hooks/pre-commit", ".git/config", ".envrc", "kept/x", "/usr/x"]) {
      assertMatch((await attempt(box, `echo x > ${path}`)).stderr, /Read-only file system/, path);
    }
    for (const script of ["mv .git .old", "rm -r .envrc", "rmdir kept"]) {
      assertMatch((await attempt(box, script)).stderr, /busy|Read-only|cannot/, script);
    }
    assertEquals(names(folder), [".envrc", ".git", "code", "kept", "new"]);
    assertEquals(await Deno.readTextFile(`${folder}/.envrc`), "mine");
  });
});

Deno.test("workspace: what the command makes that begins with a dot is named", async () => {
  await inFolder(async (folder) => {
    await Deno.symlink("elsewhere", `${folder}/.link`);
    const box = sandbox().with(workspace(folder));
    const fine = await box.output(["true"]);
    assertEquals(fine.hookErrors, []);
    const { code, hookErrors } = await box.output(["sh", "-c", "mkdir .git; ln -sfn other .link"]);
    assertEquals([code, hookErrors.length], [0, 1]);
    assertMatch(hookErrors[0]!.message, /made \.git, \.link in/);
  });
});

Deno.test("workspace: what a dot link leads to stays as it is, or is named if it was not there", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/hooks`);
    await Deno.writeTextFile(`${folder}/env`, "mine");
    for (
      const [name, to] of [["hooks", "hooks"], ["envrc", "env"], ["rc", "none"], ["out", "/usr"]]
    ) {
      await Deno.symlink(to!, `${folder}/.${name}`);
    }
    const box = sandbox().with(workspace(folder));
    for (const script of ["touch hooks/new", "echo x > env", "rm env", "mv hooks old"]) {
      assertMatch((await attempt(box, script)).stderr, /busy|Read-only|cannot/, script);
    }
    assertEquals(await Deno.readTextFile(`${folder}/env`), "mine");
    const { code, hookErrors } = await box.output(["sh", "-c", "touch fine none"]);
    assertEquals([code, hookErrors.length], [0, 1]);
    assertMatch(hookErrors[0]!.message, /made \.rc in/);
  });
});

Deno.test("workspace: mounts that come after it lie in it, and protected paths must be there", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/data`);
    const box = sandbox().with(workspace(folder)).tmpfs(`${folder}/data`);
    assertEquals(await sh(box, "touch data/x; ls data"), "x\n");
    assertEquals(names(`${folder}/data`), []);
    assertThrows(() => workspace(folder, { protect: ["../x"] }), SpecError);
    const failed = await sandbox().with(workspace(folder, { protect: ["none"] })).output(["true"])
      .then(() => "", (error) => String(error));
    assertMatch(failed, /none.*ENOENT/);
    assert(!names(folder).includes("none"));
  });
});
