import { assert, assertEquals } from "@std/assert";
import { mountTable, readOnlyHost, type Sandbox, sandbox, scratch } from "../../mod.ts";
import { inFolder, lines, run } from "./support.ts";

const FLAGS = ["ro", "rw", "nosuid", "nodev", "noexec", "nosymfollow"];

/** What the kernel says: the topmost mount of each place, in words of the table. */
async function seen(box: Sandbox): Promise<Map<string, { type: string; options: string[] }>> {
  const found = new Map<string, { type: string; options: string[] }>();
  const table = lines(await run(box, ["cat", "/proc/self/mountinfo"])).map((line) =>
    line.split(" ")
  );
  for (const fields of table) {
    // They come in the order in which they were made, not in which they lie on each other.
    const covered = table.some(([, parent, , , place]) =>
      parent === fields[0] && place === fields[4]
    );
    if (covered) continue;
    found.set(fields[4]!, {
      type: fields[fields.indexOf("-") + 1]!,
      options: fields[5]!.split(",").filter((word) => FLAGS.includes(word)),
    });
  }
  return found;
}

/** The table, and that it says neither more nor less than the kernel does. */
async function check(box: Sandbox): Promise<string[]> {
  const table = mountTable(box.plan().steps);
  const real = await seen(box);
  for (const { target, type, options, optional } of table) {
    const mount = real.get(target);
    if (!mount && optional) continue;
    assert(mount, `${target} is not there`);
    // The source's own flags come along with a bind.
    const missing = options.filter((word) => !mount.options.includes(word));
    assertEquals(missing, [], `${target} is ${mount.options}`);
    if (type !== "bind") {
      assertEquals([type, options], [mount.type, mount.options], target);
    }
  }
  const below = (path: string) =>
    table.some(({ target, type }) =>
      type === "bind" && path.startsWith(target === "/" ? "/" : `${target}/`)
    );
  const listed = new Set(table.map(({ target }) => target));
  const unlisted = [...real.keys()].filter((path) => !listed.has(path) && !below(path));
  assertEquals(unlisted, []);
  return table.map(({ target }) => target);
}

Deno.test("the table of mounts is what is seen inside", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a`);
    await Deno.writeTextFile(`${folder}/key`, "");
    const lower = [folder, "/etc/ssl"];
    const boxes: Sandbox[] = [
      sandbox(),
      sandbox().bind(folder, "/d", { writable: true, noexec: true }).mask("/d/key", "/d/a")
        .tmpfs("/w").tmpfs("/w/x").readonly("/w").file("/etc/hosts", "x").overlay("/o", { lower })
        .overlay("/p", { lower, upper: "ephemeral" }).devpts("/pts").mqueue().sysfs("/s"),
      sandbox().bind(folder, "/d").tmpfs("/d").tmpfs("/d/e").bind("/usr/bin", "/d"),
      sandbox().root("empty").bind("/usr").symlink("usr/bin", "/bin").symlink("usr/lib", "/lib")
        .symlink("usr/lib64", "/lib64"),
      sandbox().user(0).capabilities(["CAP_SYS_ADMIN"]).proc("/proc2"),
      sandbox().with(readOnlyHost()),
      sandbox().with(scratch()),
    ];
    const tables: string[][] = [];
    for (const box of boxes) tables.push(await check(box));
    // What is covered is left out.
    assertEquals(tables[2]!.filter((target) => target.startsWith("/d/")), []);
  });
});
