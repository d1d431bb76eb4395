import { assertEquals, assertStringIncludes } from "@std/assert";
import { namespaceDot } from "../../lib/namespaces/dot.ts";
import { mountedNamespaces } from "../../lib/namespaces/holders.ts";
import type { NamespaceInfo, NamespaceSnapshot } from "../../lib/namespaces/snapshot.ts";
import { hiddenText, namespaceTree } from "../../lib/namespaces/tree.ts";

function info(
  id: number,
  type: NamespaceInfo["type"],
  rest: Partial<NamespaceInfo>,
): NamespaceInfo {
  return {
    id,
    type,
    owner: null,
    parent: null,
    ownerUid: null,
    processes: [],
    holders: [],
    sandbox: null,
    ...rest,
  };
}

const init = { pid: 1, uid: 0, command: "init" };
const evil = { pid: 9, uid: 1000, command: 'sh -c "\x1b[2J\u202e"\\' };

const SNAPSHOT: NamespaceSnapshot = {
  version: 1,
  hiddenProcesses: 2,
  namespaces: [
    info(30, "net", { owner: 10, holders: [{ by: "mount", path: "/run/netns/blue" }] }),
    info(31, "net", { owner: 11, processes: [evil, { ...init, pid: 12 }], sandbox: { pid: 9 } }),
    info(20, "pid", { owner: 10, processes: [init] }),
    info(21, "pid", { owner: 11, parent: 20, processes: [evil] }),
    info(22, "pid", { owner: 11, parent: 21, holders: [{ by: "children", pid: 9 }] }),
    info(10, "user", { ownerUid: 0, processes: [init] }),
    info(11, "user", { owner: 10, parent: 10, ownerUid: 1000, sandbox: { pid: 9, name: "fern" } }),
  ],
};

Deno.test("the tree puts each namespace below its owner, and pid namespaces below each other", () => {
  assertEquals(
    namespaceTree(SNAPSHOT),
    String.raw`user   10  of uid 0; 1 process: 1 init
├─ net    30  bound on /run/netns/blue
├─ pid    20  1 process: 1 init
└─ user   11  of uid 1000; sandbox fern; only held by what is within
   ├─ net    31  sandbox 9; 2 processes: 12 init
   └─ pid    21  within 20; 1 process: 9 sh -c "\u{1b}[2J\u{202e}"\
      └─ pid    22  for the children of process 9`,
  );
  assertStringIncludes(namespaceTree(SNAPSHOT, { processes: true }), "\n   │            9 sh -c");
  assertEquals(
    hiddenText(SNAPSHOT),
    "2 processes could not be looked into, which takes CAP_SYS_PTRACE over them",
  );
  assertEquals(hiddenText({ ...SNAPSHOT, hiddenProcesses: 0 }), undefined);
});

Deno.test("in the graph a command line is text, and nothing else", () => {
  const dot = namespaceDot(SNAPSHOT);
  assertStringIncludes(dot, "\n  ns10 -> ns11;\n");
  assertStringIncludes(dot, "\n  ns20 -> ns21 [style=dashed];\n");
  assertStringIncludes(dot, String.raw`12 init\n9 sh -c \"\\u{1b}[2J\\u{202e}\"\\"`);
});

Deno.test("mounts of namespaces are found in mountinfo, with their paths unescaped", () => {
  const lines = [
    String.raw`29 25 0:4 net:[4026532201] /run/a\040b\134c rw shared:9 - nsfs nsfs rw`,
    "30 25 0:5 / /proc rw,nosuid - proc proc rw",
    "31 25 0:4 mnt:[4026532202] /run/m rw - nsfs nsfs rw",
    "32 25 0:4 other:[4026532203] /run/o rw - nsfs nsfs rw",
  ];
  assertEquals(mountedNamespaces(`${lines.join("\n")}\n`), [
    { type: "net", id: 4026532201, path: "/run/a b\\c" },
    { type: "mount", id: 4026532202, path: "/run/m" },
  ]);
});
