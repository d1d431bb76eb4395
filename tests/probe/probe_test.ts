/** What `probe()` finds is so, and is told in words that help. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PROBE_IDS, type ProbeId } from "../../lib/probe/ids.ts";
import { userNamespaceRefusal } from "../../lib/run/refusals.ts";
import { type Finding, probe, readOnlyHost, sandbox, SpecError } from "../../mod.ts";
import { run, text } from "../integration/support.ts";

const HOME = fromFileUrl(new URL("../../", import.meta.url));

Deno.test("everything is looked at once and in order, and what works has no remedy", async () => {
  const told: Finding[] = [];
  const { findings, kernel, uid, usable } = await probe({ onFinding: (it) => told.push(it) });
  assertEquals(findings.map(({ id }) => id), [...PROBE_IDS]);
  assertEquals(told, findings);
  assertEquals([kernel, uid], [Deno.osRelease(), Deno.uid()!]);
  for (const { id, status, detail, cost, remedy } of findings) {
    assert(detail !== "", id);
    const told = cost !== undefined && remedy !== undefined;
    assert(status === "works" ? !told : told || detail.startsWith("not tried"), `${id}: ${detail}`);
  }
  // The other tests start sandboxes.
  assert(usable, JSON.stringify(findings.filter(({ status }) => status === "missing")));
  assertEquals(findings.find(({ id }) => id === "user-namespaces")?.status, "works");
});

Deno.test("a name that there is not is an error that proposes one", async () => {
  const error = await assertRejects(() => probe({ only: ["overlya" as ProbeId] }), SpecError);
  assertMatch(error.message, /"overlya" is none of .*; did you mean "overlay"\?/);
});

Deno.test("where user namespaces are forbidden, that is said once, with what to do", async () => {
  const { denoDir } = JSON.parse(text(
    (await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: HOME }).output())
      .stdout,
  ));
  // A sandbox of ours: its filter hides clone3, and it may have no user namespaces.
  const box = sandbox().with(readOnlyHost()).bind(HOME, HOME).bind(denoDir, denoDir)
    .env("DENO_DIR", denoDir).env("DENO_NO_UPDATE_CHECK", "1").cwd(HOME).timeout("60s");
  const script = `import { probe } from "./mod.ts"; console.log(JSON.stringify(await probe()))`;
  const said = await run(box, [
    Deno.execPath(),
    ...["eval", "--quiet", "--no-lock", "--cached-only", "--ext=ts", script],
  ]);
  const { usable, findings }: { usable: boolean; findings: Finding[] } = JSON.parse(said);
  const of = (id: ProbeId) => findings.find((finding) => finding.id === id)!;
  assertEquals(usable, false);
  assertEquals(of("user-namespaces").status, "missing");
  assertMatch(of("user-namespaces").remedy!, /sysctl|seccomp/);
  // The line that a launch fails with is the same.
  assert(of("sandbox").detail.includes(of("user-namespaces").remedy!));
  for (const id of ["tmpfs", "proc", "overlay", "gate", "limit-pids"] as const) {
    assertMatch(of(id).detail, /^not tried, for it needs (user namespaces|a plain sandbox)$/);
    assertEquals(of(id).remedy, undefined);
  }
});

Deno.test("each setting that forbids user namespaces is named with its own remedy", () => {
  const because = (settings: Record<string, string>, filtered = false) =>
    userNamespaceRefusal((path) => settings[path], () => filtered);
  assertMatch(
    because({ "/proc/sys/user/max_user_namespaces": "0" }).remedy,
    /max_user_namespaces=/,
  );
  assertMatch(
    because({ "/proc/sys/kernel/unprivileged_userns_clone": "0" }).remedy,
    /unprivileged_userns_clone=1/,
  );
  const ubuntu = because({ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1" });
  assertMatch(ubuntu.reason, /AppArmor/);
  assertMatch(ubuntu.remedy, /apparmor_restrict_unprivileged_userns=0/);
  assertMatch(because({}, true).remedy, /--security-opt seccomp=unconfined/);
  assertMatch(because({}).reason, /refuses them/);
});
