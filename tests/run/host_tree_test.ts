import { assertEquals } from "@std/assert";
import { hostTree, mountTypes } from "../../lib/run/host_tree.ts";
import { inFolder } from "../integration/support.ts";

Deno.test("mountTypes reads places with blanks in them, and the last mount of a place counts", () => {
  const types = mountTypes(
    [
      "22 27 0:21 / /proc rw,relatime - proc proc rw",
      "23 27 0:22 / /a\\040b rw shared:1 master:2 - ext4 /dev/x rw",
      "24 23 0:23 / /a\\040b rw - tmpfs tmpfs rw",
      "",
    ].join("\n"),
  );
  assertEquals([...types], [["/proc", "proc"], ["/a b", "tmpfs"]]);
});

Deno.test("a directory without mounts is one part", () =>
  inFolder((folder) => {
    const root = Deno.realPathSync(folder);
    assertEquals(hostTree(root, new Map([["/", "ext4"], [`${root}x`, "ext4"]]), []), [
      { kind: "layer", path: root, target: "/" },
    ]);
  }));

Deno.test("a directory with mounts is taken apart along the way to them", () =>
  inFolder((folder) => {
    const root = Deno.realPathSync(folder);
    for (const path of ["a/b/mounted/deep", "a/c", "sys/kernel", "e"]) {
      Deno.mkdirSync(`${root}/${path}`, { recursive: true });
    }
    Deno.chmodSync(`${root}/a`, 0o711);
    Deno.writeTextFileSync(`${root}/a/file`, "");
    Deno.writeTextFileSync(`${root}/netns`, "");
    Deno.symlinkSync("/etc", `${root}/link`);
    const types = new Map([
      ["/", "ext4"],
      [`${root}/a/b/mounted`, "xfs"],
      [`${root}/sys`, "sysfs"],
      [`${root}/sys/kernel`, "debugfs"],
      [`${root}/netns`, "nsfs"],
    ]);
    assertEquals(hostTree(root, types, [`${root}/e`, `${root}/a/c/own`, "/elsewhere"]), [
      { kind: "dir", target: "/a", mode: 0o711 },
      { kind: "dir", target: "/a/b", mode: 0o755 },
      { kind: "layer", path: `${root}/a/b/mounted`, target: "/a/b/mounted" },
      { kind: "layer", path: `${root}/a/c`, target: "/a/c" },
      { kind: "file", path: `${root}/a/file`, target: "/a/file" },
      { kind: "layer", path: `${root}/e`, target: "/e" },
      { kind: "symlink", target: "/link", to: "/etc" },
      { kind: "dir", target: "/sys", mode: 0o755 },
      { kind: "layer", path: `${root}/a/c/own`, target: "/a/c/own", within: true },
    ]);
  }));
