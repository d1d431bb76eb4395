import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { type Sandbox, sandbox, SpecError, StepError } from "../../mod.ts";
import { attempt, inFolder, installed, lines, ROOT, run, sh, testIf } from "./support.ts";

/** The fields of the last mount on a path, as the sandbox sees it: type, flags, type's own. */
async function mounted(box: Sandbox, path: string): Promise<[string, string[], string[]]> {
  const table = lines(await run(box, ["cat", "/proc/self/mountinfo"])).map((line) =>
    line.split(" ")
  );
  const fields = table.findLast((entry) => entry[4] === path)!;
  const [type, , own] = fields.slice(fields.indexOf("-") + 1);
  return [type!, fields[5]!.split(","), own!.split(",")];
}

Deno.test("tmpfs has the size, the files, the mode and the owner that it was given", async () => {
  const box = sandbox().user(1000, 1001)
    .idMap(
      ROOT
        ? {
          uids: [{ inside: 1000, outside: 300_000, count: 2 }],
          gids: [{ inside: 1001, outside: 300_000, count: 2 }],
        }
        : {
          uids: [{ inside: 1000, outside: Deno.uid()! }],
          gids: [{ inside: 1001, outside: Deno.gid()! }],
        },
    )
    .tmpfs("/t", { size: "1M", inodes: 5, mode: "0750", uid: ROOT ? 1001 : 1000, gid: 1001 });
  assertEquals(await sh(box, "stat -c '%a %u %g' /t"), `750 ${ROOT ? 1001 : 1000} 1001\n`);
  const small = sandbox().tmpfs("/t", { size: "1M", inodes: 5, noexec: true, nosymfollow: true });
  assertEquals((await sh(small, "df -k --output=size,itotal /t | tail -1")).trim(), "1024      5");
  const [type, flags] = await mounted(small, "/t");
  assertEquals(type, "tmpfs");
  for (const flag of ["rw", "nosuid", "nodev", "noexec", "nosymfollow"]) {
    assert(flags.includes(flag));
  }
  const error = await assertRejects(
    () => sandbox().tmpfs("/t", { uid: 77 }).output(["true"]),
    StepError,
  );
  assertMatch(error.message, /EINVAL.*in the id map/);
});

Deno.test("proc can hide what is not a process, and processes of others", async () => {
  const box = sandbox().proc("/proc", { hidepid: "invisible", subset: "pid" });
  assertEquals(
    await sh(box, "ls /proc | grep -v '^[0-9]' | sort | tr '\\n' ' '"),
    "self thread-self ",
  );
  const [, , own] = await mounted(box, "/proc");
  assert(own.includes("hidepid=invisible") && own.includes("subset=pid"));
  const error = await assertRejects(
    () => sandbox().share("pid").proc("/p", { subset: "pid" }).output(["true"]),
    SpecError,
  );
  assertEquals(error.field, "mounts[4].subset");
});

Deno.test("devpts makes so many terminals, with a mode of their own", async () => {
  const box = sandbox().devpts("/pts", { max: 3, mode: "0600" });
  const [type, flags, own] = await mounted(box, "/pts");
  assertEquals(type, "devpts");
  assert(flags.includes("nosuid") && flags.includes("noexec"));
  for (const word of ["max=3", "mode=600", "ptmxmode=666"]) assert(own.includes(word), word);
  assertEquals(await sh(box, "ls /pts"), "ptmx\n");
});

Deno.test("mqueue shows the queues of the ipc namespace only", async () => {
  const [type, flags] = await mounted(sandbox().mqueue(), "/dev/mqueue");
  assertEquals([type, flags.includes("noexec")], ["mqueue", true]);
  assertEquals(await sh(sandbox().mqueue("/q"), "ls -A /q"), "");
});

Deno.test("sysfs shows the net namespace's devices, and is read-only", async () => {
  const box = sandbox().sysfs();
  assertEquals(await sh(box, "ls /sys/class/net"), "lo\n");
  assertEquals((await mounted(box, "/sys"))[1].includes("ro"), true);
  for (const path of ["/sys/class/net/lo/mtu", "/sys/kernel/uevent_helper", "/sys/new"]) {
    const { stderr } = await attempt(box, `echo 1 > ${path}`);
    assertMatch(stderr, /Read-only file system|Permission denied|nonexistent/, path);
  }
  const shared = sandbox().network("host").sysfs();
  const here = [...Deno.readDirSync("/sys/class/net")].map(({ name }) => name).sort();
  assertEquals(lines(await sh(shared, "ls /sys/class/net")).sort(), here);
  assertMatch((await attempt(shared, "echo > /sys/new")).stderr, /Read-only file system/);
});

Deno.test("cgroupfs shows the sandbox's own cgroup as the root", async () => {
  const box = sandbox().cgroupfs("/cgroup");
  assertMatch(await sh(box, "ls /cgroup"), /^cgroup.controllers$/m);
  assertEquals((await mounted(box, "/cgroup"))[1].includes("ro"), true);
  assertEquals((await sh(box, "grep ' /cgroup ' /proc/self/mountinfo")).split(" ")[3], "/");
  // Without a cgroup of its own it would be the caller's, with the caller in it.
  const { field } = await assertRejects(
    () => sandbox().cgroupfs("/cgroup", { writable: true }).output(["true"]),
    SpecError,
  );
  assertEquals(field, "mounts[4].writable");
});

Deno.test("a filesystem of any type, with options of its own", async () => {
  const box = sandbox().mount({
    type: "tmpfs",
    target: "/t",
    writable: true,
    options: { size: 8192 },
  });
  const [type, flags, own] = await mounted(box, "/t");
  assertEquals(type, "tmpfs");
  assert(flags.includes("rw") && flags.includes("nosuid") && own.includes("size=8k"));
  assertEquals((await mounted(sandbox().mount({ type: "ramfs", target: "/r" }), "/r"))[1][0], "ro");
  const failing = async (change: (box: Sandbox) => Sandbox, words: string) => {
    const error = await assertRejects(() => change(sandbox()).output(["true"]), StepError);
    assertStringIncludes(error.message, words);
  };
  await failing((box) => box.mount({ type: "nosuchfs", target: "/t" }), "ENODEV");
  await failing(
    (box) => box.mount({ type: "tmpfs", target: "/t", options: { nosuch: "option" } }),
    "EINVAL",
  );
});

testIf(
  ROOT && installed("mke2fs") && installed("losetup"),
  "only root can mount a block device, and mke2fs and losetup are needed",
  "a block device is mounted by root, and is the sandbox's user's",
  () =>
    inFolder(async (folder) => {
      const command = async (program: string, ...args: string[]) => {
        const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
        assert(success, new TextDecoder().decode(stderr));
        return new TextDecoder().decode(stdout).trim();
      };
      await Deno.writeFile(`${folder}/disk`, new Uint8Array(4 << 20));
      await command("mke2fs", "-q", "-t", "ext4", `${folder}/disk`);
      const device = await command("losetup", "--find", "--show", `${folder}/disk`);
      try {
        const disk = { type: "ext4", source: device, target: "/disk" };
        const box = sandbox().mount({ ...disk, writable: true });
        assertEquals(await sh(box, "echo hi > /disk/note; stat -c %u /disk/note"), "0\n");
        const again = sandbox().mount(disk);
        assertEquals(await sh(again, "cat /disk/note"), "hi\n");
        assertMatch((await attempt(again, "touch /disk/x")).stderr, /Read-only file system/);
      } finally {
        await command("losetup", "--detach", device);
      }
    }),
);

Deno.test("directories and files have the owner and the mode that they were given", async () => {
  const box = sandbox().user(0).idMap(
    ROOT
      ? {
        uids: [{ inside: 0, outside: 300_000, count: 8 }],
        gids: [{ inside: 0, outside: 300_000, count: 8 }],
      }
      : {
        uids: [{ inside: 0, outside: Deno.uid()! }],
        gids: [{ inside: 0, outside: Deno.gid()! }],
      },
  );
  const [uid, gid] = ROOT ? [3, 4] : [0, 0];
  const made = box.dir("/d", { uid, gid, mode: "2711" }).file("/d/f", "hi", { uid, mode: "4755" })
    .file("/usr/bin/true", "#!/bin/sh\nexit 5", { uid, gid, mode: "0755" });
  assertEquals(
    await sh(made, "stat -c '%a %u:%g' /d /d/f /usr/bin/true; cat /d/f"),
    `2711 ${uid}:${gid}\n4755 ${uid}:${uid}\n755 ${uid}:${gid}\nhi`,
  );
  assertEquals((await made.output(["/usr/bin/true"])).code, 5);
});
