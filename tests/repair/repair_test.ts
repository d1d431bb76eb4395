/** `paddock doctor --repair` removes what a killed Paddock left, names it, and nothing else. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readHierarchies } from "../../lib/cgroup/hierarchies.ts";
import { mayWrite } from "../../lib/cgroup/layout.ts";
import { CLI, cliArgs, paddock } from "../cli/run.ts";
import { installed, namespaceOf, ROOT, testIf, text } from "../integration/support.ts";

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("directories and names of the dead go, those of the living stay", async () => {
  const folder = await Deno.makeTempDir({ prefix: "paddock-repair-" });
  const changes = (pid: number) =>
    `/var/tmp/paddock-changes-${Deno.uid()}-${pid}-${crypto.randomUUID()}`;
  const dead = changes(await deadPid()), living = changes(Deno.pid);
  try {
    for (const path of [dead, living]) await Deno.mkdir(`${path}/x/work/work`, { recursive: true });
    // As the kernel leaves it.
    await Deno.chmod(`${dead}/x/work/work`, 0);
    const state = `${folder}/state`, store = `${folder}/store`;
    await Deno.mkdir(`${state}/names`, { recursive: true });
    await Deno.mkdir(`${state}/sandboxes`);
    await Deno.chmod(state, 0o700);
    await Deno.symlink("0".repeat(32), `${state}/names/fern`);
    const cut = `${store}/tmp/${crypto.randomUUID()}`;
    await Deno.mkdir(cut, { recursive: true });
    await Deno.writeTextFile(`${cut}/lock`, "");
    const env = { PADDOCK_STATE: state, PADDOCK_STORE: store };
    const [told, repaired, again] = [
      await paddock(["doctor", "--repair", "--dry-run"], { env }),
      await paddock(["doctor", "--repair"], { env }),
      await paddock(["doctor", "--repair", "--json"], { env }),
    ];
    for (
      const [verb, { code, stdout }] of [["would remove", told], ["removed", repaired]] as const
    ) {
      assertEquals(code, 0, stdout);
      for (const what of [`changes ${dead}`, "name fern", `import ${cut}`]) {
        assertStringIncludes(stdout, `${verb} ${what}: `);
      }
      assert(!stdout.includes(living));
    }
    for (const path of [dead, cut, `${state}/names/fern`]) assert(!exists(path), path);
    assert(exists(living));
    const { leftovers } = JSON.parse(again.stdout);
    assert(leftovers.every(({ name }: { name: string }) => ![dead, cut, "fern"].includes(name)));
  } finally {
    for (const path of [folder, living]) await Deno.remove(path, { recursive: true });
    await Deno.remove(dead, { recursive: true }).catch(() => {});
  }
});

/** Where this user can make a cgroup. */
const CGROUP = readHierarchies().map(({ own }) => own).find(mayWrite);

testIf(
  CGROUP !== undefined,
  "this user may make no cgroup here",
  "a cgroup whose agent is gone goes with the processes in it",
  async () => {
    const namespace = /\d+/.exec(namespaceOf("self", "pid"))![0];
    const path = `${CGROUP}/paddock.${namespace}.${await deadPid()}.1.1`;
    await Deno.mkdir(path);
    const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
    try {
      await Deno.writeTextFile(`${path}/cgroup.procs`, String(child.pid));
      const { code, stdout } = await paddock(["doctor", "--repair"]);
      assertEquals(code, 0, stdout);
      assertStringIncludes(stdout, `removed cgroup ${path}: `);
      assert(!exists(path));
      assertEquals((await child.status).signal, "SIGKILL");
    } finally {
      if (exists(path)) {
        child.kill("SIGKILL");
        await child.status;
        await Deno.remove(path);
      }
    }
  },
);

testIf(
  ROOT && ["nft", "ip", "unshare"].every(installed),
  "it takes root and the programs nft, ip and unshare",
  "a bridge that a kill -9 left goes with its firewall, and a firewall without a bridge",
  async () => {
    const words = (args: readonly string[]) => cliArgs(args).map((word) => `'${word}'`).join(" ");
    // In a network namespace of its own, which nobody else's bridges are in.
    const script = `
      set -e
      "$1" ${words(["run", "--network", "bridge:fern", "--", "sleep", "60"])} &
      while ! ip -o link show master pdk-fern 2>/dev/null | grep -q pd; do sleep 0.05; done
      kill -9 $!
      while ip -o link show master pdk-fern | grep -q pd; do sleep 0.05; done
      nft add table inet paddock_gone
      nft add table inet other
      "$1" ${words(["doctor", "--repair", "--dry-run"])}
      ip -o link show pdk-fern >/dev/null
      "$1" ${words(["doctor", "--repair"])}
      ip -o link; nft list tables; ls /run/paddock-network-$(stat -Lc %i /proc/self/ns/net).lock 2>&1
    `;
    const { stdout, stderr, code } = await new Deno.Command("unshare", {
      args: ["--net", "sh", "-c", script, "sh", Deno.execPath()],
      signal: AbortSignal.timeout(60_000),
    }).output();
    const said = text(stdout);
    assert(CLI.length > 0 && code !== 0, `${said}\n${text(stderr)}`);
    for (const verb of ["would remove", "removed"]) {
      assertStringIncludes(said, `${verb} bridge pdk-fern: `);
      assertStringIncludes(said, `${verb} firewall inet paddock_gone: `);
    }
    const after = said.slice(said.lastIndexOf("removed"));
    assert(!after.includes("pdk-fern:") || !/\d+: pdk-fern/.test(after), after);
    assertEquals(/table inet (\S+)/g.exec(after)?.[1], "other");
    assertStringIncludes(after, "No such file");
  },
);
