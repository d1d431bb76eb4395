import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { sandboxFrom } from "../../lib/cli/spec_file.ts";
import { SpecError } from "../../lib/errors.ts";
import { sandbox } from "../../lib/sandbox.ts";
import type { SandboxSpec } from "../../lib/spec.ts";
import { paddock, withFolder } from "./run.ts";

function spec(value: unknown): SandboxSpec {
  return sandboxFrom(value, "/folder").box.spec;
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

Deno.test("what a file does not mention is as sandbox() has it", () => {
  assertEquals(plain(spec({})), plain(sandbox().spec));
});

Deno.test("a builder's description, written as JSON, describes the same sandbox", () => {
  const box = sandbox().bind("/srv", "/data", { writable: true }).tmpfs("/work", { size: "1M" })
    .env("A", "1").cwd("/work").timeout(5000).rlimit("nofile", 16).user(7, 8).umask("077")
    .idMap({ uids: [{ inside: 7, outside: 7 }], gids: [{ inside: 8, outside: 8 }] })
    .share("net").join("uts", "/run/uts/blue").timeOffset({ boottime: 1500 }).newSession(false)
    .inheritEnv("FERN").root("/srv", { writable: true }).tty({ columns: 80, rows: 24 });
  assertEquals(plain(spec(plain(box.spec))), plain(box.spec));
});

Deno.test("mounts come after the default ones, but for those whose place they take", () => {
  const { mounts } = spec({
    mounts: [{ kind: "tmpfs", target: "/tmp/", size: "64M" }, {
      kind: "bind",
      source: "./src",
      target: "/work",
    }],
  });
  assertEquals(mounts, [
    { kind: "proc", target: "/proc" },
    { kind: "dev", target: "/dev" },
    { kind: "tmpfs", target: "/run", mode: "0755" },
    { kind: "tmpfs", target: "/tmp/", size: "64M" },
    { kind: "bind", source: "/folder/src", target: "/work" },
  ]);
});

Deno.test("every kind of mount has a shape, and a wrong field of it is named", () => {
  const idMap = { uids: [{ inside: 0, outside: 7 }], gids: [{ inside: 0, outside: 7 }] };
  const given = [
    { kind: "bind", source: "/a", target: "/b", recursive: false, propagation: "slave", idMap },
    { kind: "bind", source: { fd: 7 }, target: "/c", nosuid: false, noexec: true },
    { kind: "tmpfs", target: "/d", uid: 1, gid: 2, inodes: 3, nosymfollow: true },
    { kind: "proc", target: "/e", hidepid: "invisible", subset: "pid" },
    { kind: "devpts", target: "/f", mode: "0600", gid: 5, max: 3 },
    { kind: "mqueue", target: "/g" },
    { kind: "sysfs", target: "/h" },
    { kind: "cgroupfs", target: "/i", writable: true },
    {
      kind: "filesystem",
      type: "ext4",
      source: "/dev/vdb",
      target: "/j",
      options: { noload: true },
    },
    { kind: "mask", target: "/k", optional: true },
    { kind: "readonly", target: "/l" },
    { kind: "dir", target: "/m", uid: 1 },
    { kind: "file", target: "/n", contents: "n", gid: 1 },
  ];
  assertEquals(spec({ mounts: given }).mounts.slice(-given.length) as unknown, given);
  for (
    const [field, mount] of [
      ["propagation", { kind: "bind", source: "/a", target: "/b", propagation: "slav" }],
      ["source", { kind: "bind", source: 7, target: "/b" }],
      ["idMap.gids", { kind: "bind", source: "/a", target: "/b", idMap: { uids: idMap.uids } }],
      ["inodes", { kind: "tmpfs", target: "/a", inodes: "many" }],
      ["hidepid", { kind: "proc", target: "/a", hidepid: 2 }],
      ["subset", { kind: "proc", target: "/a", subset: "sys" }],
      ["type", { kind: "filesystem", target: "/a" }],
      ["options.a", { kind: "filesystem", type: "x", target: "/a", options: { a: ["b"] } }],
      ["optinal", { kind: "mask", target: "/a", optinal: true }],
    ] as const
  ) {
    const error = assertThrows(() => spec({ mounts: [mount] }), SpecError);
    assertEquals(error.field, `mounts[0].${field}`);
  }
});

Deno.test("layers of the host are relative to the file, and are checked", () => {
  const { root, mounts } = spec({
    root: { overlay: { lower: ["a", "/b"], upper: "c", options: { xino: "off" } } },
    mounts: [{ kind: "overlay", target: "/o", lower: ["d"], upper: "ephemeral", size: "1M" }],
  });
  assertEquals(root, {
    overlay: { lower: ["/folder/a", "/b"], upper: "/folder/c", options: { xino: "off" } },
  });
  assertEquals(mounts.at(-1), {
    kind: "overlay",
    target: "/o",
    lower: ["/folder/d"],
    upper: "ephemeral",
    size: "1M",
  });
  for (
    const [field, overlay] of [
      ["root.overlay.lower", {}],
      ["root.overlay.lower", { lower: [] }],
      ["root.overlay.uper", { lower: ["a"], uper: "b" }],
      ["root.overlay.work", { lower: ["a"], work: "b" }],
      ["root.overlay.size", { lower: ["a"], upper: "b", size: "1M" }],
      ["root.overlay.options.lowerdir", { lower: ["a"], options: { lowerdir: "/etc" } }],
      ["root.overlay.options.xino", { lower: ["a"], options: { xino: "off,lowerdir=/etc" } }],
    ] as const
  ) {
    const error = assertThrows(() => spec({ root: { overlay } }), SpecError);
    assertEquals(error.field, field);
  }
});

Deno.test("paths of the host are relative to the file", () => {
  const { box, hooks } = sandboxFrom(
    { root: "./rootfs", hooks: ["./a.ts", "/b.ts", "jsr:@x/y"] },
    "/folder",
  );
  assertEquals(box.spec.root, { path: "/folder/rootfs" });
  assertEquals(hooks, ["/folder/a.ts", "/b.ts", "jsr:@x/y"]);
});

Deno.test("namespaces that are not mentioned stay new", () => {
  const { namespaces, hostname } = spec({
    namespaces: { time: "new", uts: { join: "/run/uts/blue" } },
  });
  assertEquals(namespaces, {
    ...sandbox().spec.namespaces,
    time: "new",
    uts: { join: "/run/uts/blue" },
  });
  assertEquals(hostname, undefined);
  assertEquals(spec({ network: { mode: "host" } }).namespaces.net, "shared");
  assertEquals(spec({ timeOffsets: { monotonic: "1d" } }).namespaces.time, "new");
});

const WRONG: [unknown, string][] = [
  [[], "is not a mapping"],
  [{ hostnam: "x" }, 'hostnam: there is no such field, did you mean "hostname"?'],
  [{ mounts: [{ kind: "bnd" }] }, 'mounts[0].kind: "bnd" is none of'],
  [
    { mounts: [{ kind: "tmpfs", target: "/a", sise: 1 }] },
    'mounts[0].sise: there is no such field, did you mean "size"?',
  ],
  [{ mounts: [{ kind: "bind", target: "/a" }] }, "mounts[0].source: is missing"],
  [{ mounts: [{ kind: "dir", target: "/a", mode: 755 }] }, 'octal digits in quotes, e.g. "0755"'],
  [{ namespaces: { nett: "new" } }, 'namespaces.nett: there is no such field, did you mean "net"?'],
  [{ namespaces: { net: "nev" } }, 'namespaces.net: "nev" is none of new, shared; did you mean'],
  [{ namespaces: { net: { join: { pid: "1" } } } }, "namespaces.net.join"],
  [{ command: ["sleep", 5] }, "command[1]: 5 is not a text; put it in quotes"],
  [{ command: [] }, "command: is empty; write e.g. [sh, -c, make]"],
  [{ env: { LANG: "C" } }, "env.LANG: there is no such field; variables and their values go into"],
  [{ env: { set: { A: 1 } } }, "env.set.A: 1 is not a text; put it in quotes"],
  [{ limits: { memroy: "1M" } }, 'limits.memroy: there is no such field, did you mean "memory"?'],
  [{ limits: { memory: "lots" } }, 'limits.memory: "lots" is not a size'],
  [
    { limits: { cpus: "0.5" } },
    'limits.cpus: "0.5" is not a number of at least 0.01; write 0.5, without quotes',
  ],
  [{ limits: { io: [{ rbps: "1M" }] } }, "limits.io[0].device: is missing"],
  [{ limits: { hugetlb: { large: "1M" } } }, 'limits.hugetlb: "large" is not a size'],
  [{ scheduler: { policy: "fast" } }, 'scheduler.policy: "fast" is none of'],
  [{ nice: "5" }, 'nice: "5" is not a whole number from -20 to 19'],
  [{ rlimits: { nofiles: 1 } }, 'rlimits.nofiles: there is no such field, did you mean "nofile"?'],
  [{ network: { mode: "brigde" } }, 'network.mode: "brigde" is none of none, host'],
  [{ timeout: "soon" }, 'timeout: "soon" is not a time'],
  [{ timeout: 0 }, 'timeout: "0" is no time to run in; for no limit, leave it out'],
  [{ timeout: 5 }, 'timeout: "5" has no unit of time (ms, s, m, h, d); write e.g. 5s'],
  [{ timeOffsets: { boottime: 5 } }, 'timeOffsets.boottime: "5" has no unit of time'],
  [{ user: { gid: 1 } }, "user.uid: is missing"],
  [{ hostname: "" }, "hostname:"],
  [{ tty: "yes" }, 'tty: "yes" is neither true nor false; write true'],
];

for (const [value, message] of WRONG) {
  Deno.test(`an error names what is wrong: ${JSON.stringify(value)}`, () => {
    const error = assertThrows(() => spec(value), SpecError) as SpecError;
    assertStringIncludes(error.message, message);
  });
}

Deno.test("a YAML file is run, and options come on top of it", async () => {
  const files = {
    "box.yaml": `
command: [sh, -c, "hostname; cat /etc/motd /data/box.yaml | head -1; echo $A $B $PWD"]
hostname: fern
mounts:
  - { kind: file, target: /etc/motd, contents: "hello\\n", mode: "0644" }
  - { kind: bind, source: ., target: /data }
env: { set: { A: "1", B: "2" } }
cwd: /tmp
timeout: 20s
`,
    "box.json": JSON.stringify({ command: ["hostname"], hostname: "moss" }),
    "typo.yaml": "command: [true_]\nhostnam: fern\n",
    "broken.yaml": "command: [",
  };
  await withFolder(files, async (folder) => {
    assertEquals(await paddock(["run", "-e", "B=3", "-f", `${folder}/box.yaml`]), {
      code: 0,
      stdout: "fern\nhello\n1 3 /tmp\n",
      stderr: "",
    });
    const other = await paddock(["run", "-f", `${folder}/box.yaml`, "echo", "other"]);
    assertEquals(other.stdout, "other\n");
    assertEquals((await paddock(["run", "-f", `${folder}/box.json`])).stdout, "moss\n");
    const typo = await paddock(["run", "-f", `${folder}/typo.yaml`]);
    assertEquals(typo.code, 125);
    assert(
      typo.stderr.endsWith(
        'typo.yaml:2:1: hostnam: there is no such field, did you mean "hostname"?\n',
      ),
    );
    const broken = await paddock(["run", "-f", `${folder}/broken.yaml`]);
    assertEquals([broken.code, broken.stderr.split("\n").length], [125, 2]);
  });
});
