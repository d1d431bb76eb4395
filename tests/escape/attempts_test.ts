// Each attempt, as user 0 inside and as another, behind the default filter and, where there is a wall
// behind it, without. An empty expectation means that only the filter is in the way.

import { assert, assertEquals } from "@std/assert";
import { ARCH } from "../../lib/sys/arch.ts";
import { Sandbox, sandbox } from "../../mod.ts";
import { lines } from "../integration/support.ts";
import { type Attempt, attempt } from "./attack.ts";
import { ATTEMPTS } from "./attempts.ts";

/** Before the filter there was none to switch off. */
const HAS_FILTER = "seccomp" in Sandbox.prototype;

/** The default sandbox without its filter of system calls. */
function unfiltered(box: Sandbox): Sandbox {
  return HAS_FILTER ? (box as unknown as { seccomp(what: "none"): Sandbox }).seccomp("none") : box;
}

/** What must not have changed on the host, whatever was tried. */
function health(): Record<string, string> {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      return (error as Error).name;
    }
  };
  return Object.fromEntries(
    [
      "/proc/sys/kernel/hostname",
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/kernel/modprobe",
      "/proc/sys/kernel/randomize_va_space",
      "/proc/sys/vm/overcommit_memory",
      "/proc/sys/user/max_user_namespaces",
      "/proc/self/mountinfo",
      "/proc/self/uid_map",
      "/proc/sysvipc/shm",
      "/proc/swaps",
      "/etc/passwd",
    ].map((path) => [path, read(path)]),
  );
}

function expected({ expect }: Attempt, uid: number, filtered: boolean): string {
  return typeof expect === "string" ? expect : expect({ uid, filtered });
}

const before = health();

for (const one of ATTEMPTS) {
  Deno.test({
    name: `to ${one.name}`,
    ignore: one.arch !== undefined && one.arch !== ARCH,
    async fn() {
      const tried: Record<string, string> = {}, wanted: Record<string, string> = {};
      const note = (who: string, came: string, allowed: string) => {
        tried[who] = came;
        wanted[who] = allowed.split(" or ").includes(came) ? came : allowed;
      };
      for (const uid of [0, 1000]) {
        const box = (one.box ?? ((same) => same))(sandbox().user(uid));
        const open = expected(one, uid, false);
        if (open !== "") {
          note(`user ${uid}, no filter`, await attempt(unfiltered(box), one.calls), open);
        }
        if (!HAS_FILTER) continue;
        note(`user ${uid}`, await attempt(box, one.calls), expected(one, uid, true));
      }
      assertEquals(tried, wanted);
    },
  });
}

Deno.test("afterwards the host is as it was, and runs the next sandbox", async () => {
  assertEquals(health(), before);
  assert(Math.abs(Date.now() - (performance.timeOrigin + performance.now())) < 60_000);
  const { success } = await sandbox().output(["true"]);
  assert(success);
});

Deno.test("there are at least sixty attempts, each with a name of its own", () => {
  assert(ATTEMPTS.length >= 60, `${ATTEMPTS.length}`);
  assertEquals(new Set(ATTEMPTS.map(({ name }) => name)).size, ATTEMPTS.length);
});

Deno.test("docs/security.md lists them, with their guards", async () => {
  const docs = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
  const rows = lines(docs).map((line) => line.split("|").map((cell) => cell.trim()));
  const missing = ATTEMPTS.filter(({ name, guard, arch }) =>
    !rows.some((cells) =>
      cells[1] === name && cells[2] === (arch === undefined ? guard : `${guard} (${arch})`)
    )
  ).map(({ name }) => name);
  assertEquals(missing, [], "run scripts/escape_table.ts");
});
