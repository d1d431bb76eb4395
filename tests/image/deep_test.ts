// A command may make thousands of directories in one another: no path leads there, and as many open
// descriptors are more than a program has.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { compareChanges } from "../../lib/image/changes.ts";
import { removeTree } from "../../lib/image/tree/remove_tree.ts";
import { walkTree } from "../../lib/image/tree/tree_walk.ts";
import { SAME_IDS, writeArchive } from "../../lib/image/write_archive.ts";
import { sandbox, SandboxError } from "../../mod.ts";
import { close, makeDirectory, O_DIRECTORY, open } from "../../lib/sys/mod.ts";
import { inFolder } from "../integration/support.ts";

const DEEP = 3000;

/** Makes directories called `name` in one another, the deepest one empty. */
function makeDeep(path: string, name: string, count = DEEP): void {
  let fd = open(path, { flags: O_DIRECTORY });
  for (let index = 0; index < count; index++) {
    makeDirectory(fd, name, 0o755);
    const next = open(name, { dirfd: fd, flags: O_DIRECTORY });
    close(fd);
    fd = next;
  }
  close(fd);
}

function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("a deep tree is walked, compared, archived and removed with few descriptors", () => {
  // In memory, for a disk takes its time for each.
  const folder = Deno.makeTempDirSync({ dir: "/dev/shm" });
  try {
    for (const name of ["upper", "lower"]) Deno.mkdirSync(`${folder}/${name}`);
    makeDeep(`${folder}/upper`, "a");
    makeDeep(`${folder}/upper`, "new");
    makeDeep(`${folder}/lower`, "a");
    // Whoever comes back up finds the rest of each directory.
    const level = "a/".repeat(40);
    Deno.mkdirSync(`${folder}/upper/${level}z`);
    const before = openFiles();
    const upper = open(`${folder}/upper`, { flags: O_DIRECTORY });
    const lower = open(`${folder}/lower`, { flags: O_DIRECTORY });
    let count = 0, most = 0;
    for (const { depth } of walkTree(upper)) {
      count++;
      if (depth % 100 === 99) most = Math.max(most, openFiles());
    }
    assertEquals(count, 2 * DEEP + 1);
    assert(most - before < 100, `${most - before} descriptors`);
    const init = {
      upper,
      lower: [lower],
      ids: { upper: SAME_IDS, lower: SAME_IDS },
      mountPoints: new Set<string>(),
    };
    const { added, modified, deleted } = compareChanges(init);
    assertEquals([added.length, modified.length, deleted.length], [DEEP + 1, 0, 0]);
    assert(added.includes(`/${"new/".repeat(DEEP - 1)}new`));
    assert(added.includes(`/${level}z`));
    // All in all it stays within bounds, too.
    assertThrows(() => compareChanges({ ...init, most: 100_000 }), SandboxError, "too long");
    let size = 0;
    writeArchive(upper, (bytes) => size += bytes.length, { ids: SAME_IDS });
    assert(size > 2 * DEEP * 512);
    close(upper);
    close(lower);
    assertEquals(openFiles(), before);
    // In a program that cannot have as many open.
    const source = new URL("../../lib/image/tree/remove_tree.ts", import.meta.url).href;
    const code = `import(${JSON.stringify(source)}).then((it) => it.removeTree("${folder}/upper"))`;
    const script = 'ulimit -n 200 && exec "$1" eval --no-config "$2"';
    const { stderr, success } = new Deno.Command("sh", {
      args: ["-c", script, "sh", Deno.execPath(), code],
    }).outputSync();
    assert(success, new TextDecoder().decode(stderr));
    removeTree(`${folder}/lower`);
    assertEquals([...Deno.readDirSync(folder)], []);
    assertEquals(openFiles(), before);
  } finally {
    removeTree(folder);
  }
});

Deno.test("what a command made so deep is told of", () =>
  inFolder(async (folder) => {
    for (const name of ["dev", "proc", "run", "tmp", "w"]) Deno.mkdirSync(`${folder}/${name}`);
    const box = sandbox().root({ overlay: { lower: [folder], upper: "ephemeral" } })
      .bind("/usr").symlink("usr/bin", "/bin").symlink("usr/lib", "/lib")
      .symlink("usr/lib64", "/lib64");
    const deeper = "mkdir -p $p; cd -P $p;";
    const script = `cd /w; p=$(printf 'd/%.0s' $(seq 1000)); ${deeper.repeat(3)} cd /`;
    await using child = await box.spawn(["/bin/sh", "-c", script]);
    assertEquals((await child.status).code, 0);
    const { added } = await child.changes();
    assertEquals(added.filter((path) => path.startsWith("/w/d")).length, 3000);
  }));
