/** Pinned namespaces, joined by everybody who can: Paddock, nsenter(1), ip-netns(8). */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  namespaces,
  pinNamespaces,
  sandbox,
  SandboxError,
  SpecError,
  unpinNamespace,
} from "../../mod.ts";
import { inFolder, installed, namespaceOf, ROOT, run, testIf, text } from "./support.ts";

async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  assert(success, text(stderr));
  return text(stdout).trim();
}

/** The names of a folder; no pin leaves its file. */
function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

testIf(
  ROOT && installed("nsenter"),
  "it takes root and nsenter(1)",
  "new namespaces are pinned, joined by nsenter and by a sandbox, and unpinned",
  () =>
    inFolder(async (folder) => {
      const [uts, ipc, net, mount] = ["uts", "ipc", "net", "a mount"].map((name) =>
        `${folder}/${name}`
      ) as [string, string, string, string];
      const pinned = await pinNamespaces({ uts, ipc, net, mount }, { hostname: "fern" });
      try {
        assertEquals(pinned.map(({ type }) => type), ["ipc", "mount", "net", "uts"]);
        const found = namespaces().namespaces;
        for (const { id, path } of pinned) {
          const entry = found.find((namespace) => namespace.id === id)!;
          assertEquals([entry.processes, entry.holders[0]], [[], { by: "mount", path }]);
        }
        assertEquals(await output("nsenter", `--uts=${uts}`, "uname", "-n"), "fern");
        const id = (type: string) => pinned.find((it) => it.type === type)!.id;
        assertEquals(
          await output(
            "nsenter",
            `--mount=${mount}`,
            `--net=${net}`,
            "readlink",
            "/proc/self/ns/mnt",
            "/proc/self/ns/net",
          ),
          `mnt:[${id("mount")}]\nnet:[${id("net")}]`,
        );
        const box = sandbox().join("uts", uts).join("net", net).join("ipc", ipc);
        // Loopback is up: it has its address.
        const script =
          "uname -n; readlink /proc/self/ns/ipc; grep -o -m1 127.0.0.1 /proc/self/net/fib_trie";
        assertEquals(
          await run(box, ["sh", "-c", script]),
          `fern\nipc:[${id("ipc")}]\n127.0.0.1\n`,
        );
        const taken = await assertRejects(() => pinNamespaces({ uts }), SandboxError);
        assertStringIncludes(taken.message, "a namespace is pinned there already; unpin it first");
      } finally {
        for (const { path } of pinned) unpinNamespace(path);
      }
      assertEquals(names(folder), []);
      const left = namespaces().namespaces.flatMap(({ holders }) => holders);
      assertEquals(
        left.filter((holder) => holder.by === "mount" && holder.path.startsWith(folder)),
        [],
      );
    }),
);

testIf(
  ROOT && installed("ip"),
  "it takes root and ip(8)",
  "a sandbox's network is pinned where ip-netns finds it, and outlives the sandbox",
  async () => {
    const name = `paddock-test-${Deno.pid}`;
    const path = `/run/netns/${name}`;
    const child = await sandbox().spawn(["sleep", "100"]);
    const [pinned] = await pinNamespaces({ net: path }, child);
    try {
      assertEquals(`net:[${pinned!.id}]`, namespaceOf(child.pid, "net"));
      await child[Symbol.asyncDispose]();
      assertStringIncludes(
        await output("ip", "netns", "exec", name, "ip", "link"),
        "lo: <LOOPBACK",
      );
      assertEquals(
        await output("ip", "netns", "exec", name, "readlink", "/proc/self/ns/net"),
        `net:[${pinned!.id}]`,
      );
    } finally {
      await child[Symbol.asyncDispose]();
      unpinNamespace(path);
    }
    assertEquals((await output("ip", "netns", "list")).includes(name), false);
  },
);

testIf(
  ROOT,
  "it takes root",
  "what cannot all be pinned is not pinned at all",
  () =>
    inFolder(async (folder) => {
      Deno.writeTextFileSync(`${folder}/taken`, "hello");
      const places = { ipc: `${folder}/free`, uts: `${folder}/taken` };
      const error = await assertRejects(() => pinNamespaces(places), SandboxError);
      assertStringIncludes(error.message, `"${folder}/taken": there is something else`);
      assertEquals(names(folder), ["taken"]);
      assertEquals(Deno.readTextFileSync(`${folder}/taken`), "hello");
      const none = assertThrows(() => unpinNamespace(`${folder}/taken`), SandboxError);
      assertStringIncludes(none.message, "no namespace is pinned there");
      Deno.symlinkSync(`${folder}/taken`, `${folder}/link`);
      await assertRejects(() => pinNamespaces({ uts: `${folder}/link` }), SandboxError, "else");
    }),
);

testIf(
  ROOT,
  "it takes root",
  "a pid namespace cannot be new, nor those that want more",
  async () => {
    for (const kind of ["pid", "user", "time"] as const) {
      const error = await assertRejects(() => pinNamespaces({ [kind]: "/tmp/none" }), SpecError);
      assertEquals(error.field, `places.${kind}`);
    }
    await assertRejects(() => pinNamespaces({ net: "/tmp/none" }, { hostname: "a" }), SpecError);
  },
);

testIf(
  !ROOT,
  "it takes an ordinary user",
  "without privilege a pin is an error that says more",
  () =>
    inFolder(async (folder) => {
      const error = await assertRejects(
        () => pinNamespaces({ uts: `${folder}/uts` }),
        SandboxError,
      );
      assertStringIncludes(error.message, "takes CAP_SYS_ADMIN");
      assertStringIncludes(error.message, "paddock run --detach");
      assertEquals(names(folder), []);
    }),
);
