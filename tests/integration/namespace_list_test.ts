/** `namespaces()` against real ones: of processes, descriptors, mounts, and of nobody. */
import { assert, assertEquals } from "@std/assert";
import { type NamespaceInfo, namespaces, sandbox } from "../../mod.ts";
import { CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS } from "../../lib/sys/abi/clone.ts";
import { spawnRaw } from "../../lib/sys/clone.ts";
import { close } from "../../lib/sys/file.ts";
import { openNamespace } from "../../lib/sys/namespace.ts";
import { waitPidfd } from "../../lib/sys/pidfd.ts";
import { inFolder, installed, namespaceOf, testIf, text, until } from "./support.ts";

const NEW = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWUTS;

function idOf(pid: number | "self", file: string): number {
  return Number(/\d+/.exec(namespaceOf(pid, file))![0]);
}

function byId(id: number): NamespaceInfo | undefined {
  return namespaces().namespaces.find((namespace) => namespace.id === id);
}

/** Runs `use` with the pid of a process in namespaces of its own. */
async function withSleeper(
  use: (pid: number, end: () => void) => void | Promise<void>,
): Promise<void> {
  const { pid, pidfd } = spawnRaw({
    flags: NEW,
    path: "/bin/sleep",
    argv: ["sleep", "100"],
  });
  let isThere = true;
  const end = () => {
    if (!isThere) return;
    isThere = false;
    Deno.kill(pid, "SIGKILL");
    waitPidfd(pidfd);
    close(pidfd);
  };
  try {
    await use(pid, end);
  } finally {
    end();
  }
}

Deno.test("namespaces() tells of a process what it is in, whose that is and what it is within", () =>
  withSleeper((pid) => {
    const user = byId(idOf(pid, "user"))!;
    const uts = byId(idOf(pid, "uts"))!;
    const inner = byId(idOf(pid, "pid"))!;
    assertEquals(
      [user.type, user.parent, user.owner, user.ownerUid],
      ["user", idOf("self", "user"), idOf("self", "user"), Deno.uid()],
    );
    assertEquals([uts.type, uts.owner, uts.parent], ["uts", user.id, null]);
    assertEquals([inner.type, inner.owner, inner.parent], ["pid", user.id, idOf("self", "pid")]);
    assertEquals(uts.processes.map(({ pid, command }) => ({ pid, command })), [
      { pid, command: "sleep 100" },
    ]);
    assertEquals(uts.holders, []);
    assertEquals(uts.sandbox, null);
  }));

Deno.test("namespaces() finds what only a descriptor holds, and the owner that nobody is in", () =>
  withSleeper((pid, end) => {
    const user = idOf(pid, "user");
    const fd = openNamespace(`/proc/${pid}/ns/uts`);
    try {
      end();
      const found = namespaces().namespaces.find(({ holders }) =>
        holders.some((holder) =>
          holder.by === "descriptor" && holder.pid === Deno.pid && holder.fd === fd
        )
      );
      assertEquals([found?.type, found?.owner, found?.processes], ["uts", user, []]);
      const owner = byId(user);
      assertEquals([owner?.parent, owner?.processes, owner?.holders], [
        idOf("self", "user"),
        [],
        [],
      ]);
    } finally {
      close(fd);
    }
  }));

testIf(
  installed("unshare"),
  "it takes unshare(1)",
  "namespaces() finds what is bound on a file, also in another mount namespace",
  () =>
    inFolder(async (folder) => {
      const file = `${folder}/a uts`;
      Deno.writeTextFileSync(file, "");
      const script =
        `unshare --uts sh -c 'mount --bind /proc/$$/ns/uts "$0"' "$1" && echo ready; cat`;
      await using child = new Deno.Command("unshare", {
        args: ["-Urm", "sh", "-c", script, "sh", file],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.getReader();
      assertEquals(text((await reader.read()).value!), "ready\n");
      const found = namespaces().namespaces.find(({ holders }) =>
        holders.some((holder) => holder.by === "mount" && holder.path === file)
      );
      assertEquals([found?.type, found?.processes], ["uts", []]);
      assertEquals(found?.owner, idOf(child.pid, "user"));
      await child.stdin.close();
      await reader.read();
      await reader.cancel();
    }),
);

Deno.test("namespaces() tells which of them are a sandbox's", async () => {
  await using child = await sandbox().spawn(["sleep", "100"]);
  const found = byId(idOf(child.pid, "net"))!;
  assertEquals(found.type, "net");
  // The first process is its command's parent.
  const parent = /^PPid:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${child.pid}/status`))![1];
  assertEquals(found.sandbox, { pid: Number(parent) });
  assertEquals(byId(idOf("self", "net"))!.sandbox, null);
});

interface Listed {
  ns: number;
  type: string;
  nprocs: number;
}

/** What lsns(8) shows, and how many processes it counts; numbers are text to older ones. */
async function lsns(): Promise<Map<number, Listed>> {
  const { stdout } = await new Deno.Command("lsns", {
    args: ["--json", "-o", "NS,TYPE,NPROCS"],
    stderr: "null",
  }).output();
  const { namespaces } = JSON.parse(text(stdout));
  return new Map(namespaces.map(({ ns, type, nprocs }: Record<keyof Listed, string>) => {
    return [Number(ns), { ns: Number(ns), type, nprocs: Number(nprocs) }];
  }));
}

testIf(
  installed("lsns"),
  "it takes lsns(8)",
  "namespaces() shows all that lsns does",
  () =>
    withSleeper(async (pid) => {
      const sleeper = ["user", "pid", "uts"].map((file) => idOf(pid, file));
      // What is there before and after was there in between.
      const compare = async (): Promise<string[]> => {
        const before = await lsns();
        const found = new Map(namespaces().namespaces.map((it) => [it.id, it]));
        const after = await lsns();
        for (const id of sleeper) assert(before.has(id));
        return [...before.values()].flatMap(({ ns, type, nprocs }) => {
          const later = after.get(ns);
          if (later === undefined) return [];
          const ours = found.get(ns);
          const kind = ours?.type === "mount" ? "mnt" : ours?.type;
          // Elsewhere processes come and go.
          const counted = !sleeper.includes(ns) || ours?.processes.length === nprocs;
          const wrong = kind !== type || !counted;
          return wrong ? [`${ns}: ${type} ${nprocs}, here ${kind} ${ours?.processes.length}`] : [];
        });
      };
      let differences: string[] = [];
      assert(
        await until(async () => (differences = await compare()).length === 0),
        differences.join("\n"),
      );
    }),
);
