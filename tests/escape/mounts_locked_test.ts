// A command that keeps CAP_SYS_ADMIN may mount, but must not undo what it was given.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Sandbox, sandbox } from "../../mod.ts";
import {
  attempt,
  inFolder,
  installed,
  lines,
  PACE,
  ROOT,
  run,
  sh,
  testIf,
} from "../integration/support.ts";

const ADMIN = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_CHROOT", "CAP_NET_ADMIN"] as const;

// The filter is another wall: here the mounts have to hold without it.
const open = sandbox().seccomp("none");

/** With nothing, as user 0 with CAP_SYS_ADMIN, and as pid 1 with it. */
const WHO: Record<string, Sandbox> = {
  "a plain command": open,
  "root with CAP_SYS_ADMIN": open.user(0).capabilities(ADMIN),
  "root with CAP_NET_ADMIN only": open.user(0).capabilities(["CAP_NET_ADMIN"]),
  "root with CAP_SYS_ADMIN as pid 1": open.user(0).capabilities(ADMIN).asPid1(),
};

/** A folder with a secret in it, and a mount of the host's below where root can make one. */
async function withSecrets(use: (folder: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    await Deno.mkdir(`${folder}/keys`);
    await Deno.mkdir(`${folder}/below`);
    await Deno.writeTextFile(`${folder}/keys/id`, "SECRET");
    await Deno.writeTextFile(`${folder}/token`, "SECRET");
    if (ROOT) {
      const args = ["-t", "tmpfs", "below", `${folder}/below`];
      assert((await new Deno.Command("mount", { args }).output()).success);
    }
    try {
      await use(folder);
    } finally {
      if (ROOT) await new Deno.Command("umount", { args: [`${folder}/below`] }).output();
    }
  });
}

/** Ways to get at something that is covered by a mount, or to write to what is read-only. */
const ATTACKS = [
  "umount $AT",
  "umount -l $AT",
  "umount -f $AT",
  "mount -o remount,rw $AT",
  "mount -o remount,bind,rw $AT",
  "mount -o remount,bind,rw,suid,dev,exec $AT",
  "mount --make-rprivate /; mount --move $AT /w/moved",
  "mount --bind $(dirname $AT) /w/moved",
  "mount --rbind $(dirname $AT) /w/moved; umount -l /w/moved/$(basename $AT)",
  "mount --rbind / /w/moved; umount /w/moved$AT; mount -o remount,bind,rw /w/moved$AT",
  "mount -t overlay -o lowerdir=$(dirname $AT):/usr none /w/moved",
  "mount -t overlay -o lowerdir=/usr,upperdir=$(dirname $AT),workdir=/w/work none /w/moved",
  "unshare -m sh -c 'umount -l $AT; mount -o remount,bind,rw $AT'",
  "unshare -Urm sh -c 'umount -l $AT; mount --bind $(dirname $AT) /w/moved'",
  "mkdir /w/root && pivot_root /w/root /w/root",
  "mount -t tmpfs cover $(dirname $AT) && umount $(dirname $AT)",
  "chroot /proc/1/root umount -l $AT",
  "nsenter -t 1 -m umount -l $AT",
];

for (const [who, base] of Object.entries(WHO)) {
  Deno.test(`${who} cannot read what is masked, by no way`, () =>
    withSecrets(async (folder) => {
      const box = base.tmpfs("/w").dir("/w/moved").dir("/w/work")
        .bind(folder, "/d", { writable: true }).mask("/d/keys", "/d/token");
      for (const at of PACE > 1 ? ["/d/keys"] : ["/d/keys", "/d/token"]) {
        for (const attack of ATTACKS) {
          const script = `AT=${at}; (${attack}) > /dev/null 2>&1
            for file in /d/keys/id /d/token /w/moved/keys/id /w/moved/token /w/moved/d/keys/id \\
              /w/moved/d/token /proc/self/root/d/token /proc/1/root/d/token /proc/1/cwd/d/token \\
              /proc/self/root/d/keys/id /proc/1/root/d/keys/id /proc/$PPID/root/d/token; do
              cat $file 2> /dev/null
            done; true`;
          const { stdout } = await attempt(box, script);
          assert(!stdout.includes("SECRET"), `${attack} on ${at}`);
        }
      }
      assertEquals(await Deno.readTextFile(`${folder}/token`), "SECRET");
    }));

  Deno.test(`${who} cannot write to what is read-only, with all below it, by no way`, () =>
    withSecrets(async (folder) => {
      const box = base.tmpfs("/w").dir("/w/moved").dir("/w/work").bind(folder, "/d");
      for (const at of PACE > 1 ? ["/d/below"] : ["/d", "/d/below"]) {
        for (const attack of ATTACKS) {
          const script = `AT=${at}; (${attack}) > /dev/null 2>&1
            for place in /d /d/below /w/moved/d /w/moved/below /w/moved/d/below \\
              /proc/self/root/d /proc/1/root/d /proc/1/root/d/below; do
              echo x 2> /dev/null > $place/written
            done; true`;
          await attempt(box, script);
          const found = [...Deno.readDirSync(folder), ...Deno.readDirSync(`${folder}/below`)];
          assert(!found.some(({ name }) => name === "written"), `${attack} on ${at}`);
        }
      }
    }));

  Deno.test(`${who} cannot write to /proc/sys or /sys`, async () => {
    const box = base.sysfs();
    for (
      const path of [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/sys/kernel/uevent_helper",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/sys/class/net/lo/mtu",
      ]
    ) {
      const script = `mount -o remount,rw /proc/sys; mount -o remount,rw /sys; umount /proc/sys
        mount -o remount,bind,rw /sys; echo 1500 > ${path} && echo WRITTEN`;
      const { stdout } = await attempt(box, script);
      assertEquals(stdout, "", path);
    }
  });
}

testIf(
  ROOT,
  "only root can be the host's root",
  "the host's root inside cannot write to /proc/sys or /sys",
  async () => {
    for (
      const box of [
        sandbox().share("user"),
        sandbox().idMap({ uids: [{ inside: 0, outside: 0 }], gids: [{ inside: 0, outside: 0 }] }),
      ]
    ) {
      const pattern = await Deno.readTextFile("/proc/sys/kernel/core_pattern");
      for (const path of ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/panic"]) {
        const { stdout, stderr } = await attempt(box, `echo 1 > ${path} && echo WRITTEN`);
        assertEquals(stdout, "");
        assertMatch(stderr, /Read-only file system/);
      }
      assertEquals(await Deno.readTextFile("/proc/sys/kernel/core_pattern"), pattern);
      const { stdout } = await attempt(box, "cat /proc/keys /proc/timer_list /proc/interrupts");
      assertEquals(stdout, "");
      // What it has already, so that nothing changes if it can be written.
      const setting = "/sys/module/printk/parameters/time";
      const script = `value=$(cat ${setting}); echo $value > ${setting} && echo WRITTEN`;
      assertEquals((await attempt(box.sysfs(), script)).stdout, "");
    }
  },
);

Deno.test("capabilities that are kept count in the namespaces behind the lock", async () => {
  const box = WHO["root with CAP_SYS_ADMIN"]!;
  assertEquals(await sh(box.hostname("fern"), "hostname; hostname moss; hostname"), "fern\nmoss\n");
  assertEquals(await sh(box, "mount -t tmpfs t /tmp; mkdir /tmp/x; ls /tmp"), "x\n");
  const { stderr } = await attempt(box, "unshare -U true");
  assertMatch(stderr, /No space left|not permitted/);
  // Its own limit does not count.
  const more = box.capabilities([...ADMIN, "CAP_SYS_RESOURCE"]);
  assertMatch((await attempt(more, "unshare -U true")).stderr, /No space left|not permitted/);
  const maps = lines(await run(box, ["cat", "/proc/self/uid_map"])).map((line) =>
    line.trim().split(/\s+/)
  );
  assertEquals(maps, [["0", "0", "1"]]);
});

testIf(
  installed("ip"),
  "iproute2 is not installed",
  "CAP_NET_ADMIN counts behind the lock, and lo is up",
  async () => {
    const box = open.user(0).capabilities(["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]);
    assertMatch(await sh(box, "ip -br link show lo"), /UP|UNKNOWN/);
    assertEquals(await sh(box, "ip link set lo down && ip -br link show lo | grep -c DOWN"), "1\n");
  },
);

Deno.test("a map of several ids is the same behind the lock", async () => {
  if (!ROOT) return;
  const ids = [{ inside: 0, outside: 300_000, count: 10 }, { inside: 100, outside: 400_000 }];
  const box = sandbox().user(0).idMap({ uids: ids, gids: ids }).capabilities(ADMIN)
    .dir("/x", { uid: 100, gid: 3 });
  assertEquals(await sh(box, "stat -c %u:%g /x; id -u"), "100:3\n0\n");
});
