// A user's systemd gives a delegated scope. Needs a real one, and a part of the cgroup v2 tree in
// which it may be started: in the virtual machine, as an ordinary user.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readHierarchies, readText } from "../../lib/cgroup/hierarchies.ts";
import { mayWrite } from "../../lib/cgroup/layout.ts";
import { inFolder, programArguments, ROOT, testIf, text, until } from "./support.ts";

const SYSTEMD = "/usr/lib/systemd/systemd";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

const unified = readHierarchies().find(({ version }) => version === 2);
const delegated = unified?.own.slice(0, unified.own.lastIndexOf("/")) ?? "";
const controllers = readText(`${delegated}/cgroup.controllers`) ?? "";
const WHY_NOT = ROOT
  ? "root has the system's manager"
  : !exists(SYSTEMD) || !exists("/run/systemd/system")
  ? "there is no systemd"
  : !mayWrite(`${delegated}/cgroup.subtree_control`) || !controllers.includes("memory")
  ? "no part of the cgroup v2 tree was delegated to this user"
  : "";

testIf(
  WHY_NOT === "",
  WHY_NOT,
  "an ordinary user gets a scope from the user's systemd",
  () =>
    inFolder(async (folder) => {
      const manager = `${delegated}/manager`;
      Deno.mkdirSync(manager);
      Deno.writeTextFileSync(`${delegated}/cgroup.subtree_control`, "+memory +pids +cpu");
      Deno.mkdirSync(`${folder}/run`, { mode: 0o700 });
      const env = { XDG_RUNTIME_DIR: `${folder}/run`, HOME: folder, DBUS_SESSION_BUS_ADDRESS: "" };
      const systemd = new Deno.Command("sh", {
        args: [
          "-c",
          `echo $$ > ${manager}/cgroup.procs; exec ${SYSTEMD} --user --log-target=console 2> ${folder}/log`,
        ],
        env,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      try {
        assert(
          await until(() => exists(`${folder}/run/systemd/private`), 60_000),
          `systemd does not answer: ${readText(`${folder}/log`)}`,
        );
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: programArguments(`
          let path = "";
          const hook = defineHook({ name: "look", postStart: (ctx) => path = ctx.cgroup.path });
          const { oomKilled } = await sandbox().limits({ memory: "32M", pids: 10 }).use(hook).output([
            "sh", "-c", "head -c 100000000 /dev/zero | tail -c 100000000 > /dev/null; true",
          ]);
          console.log(JSON.stringify({ path, oomKilled }));
        `),
          env: { ...env, HOME: Deno.env.get("HOME") ?? folder },
          stdin: "null",
        }).output();
        assertEquals(code, 0, text(stderr));
        const { path, oomKilled } = JSON.parse(text(stdout));
        assertEquals(oomKilled, true);
        assertMatch(path, /\/manager\/.*\/paddock-\d+\.scope\/paddock\.[\d.]+$/);
        // With its last process, systemd removes the scope.
        const scope = path.slice(0, path.lastIndexOf("/"));
        assert(await until(() => !exists(scope), 30_000), `${scope} is left`);
      } finally {
        try {
          systemd.kill("SIGKILL");
        } catch { /* it has ended */ }
        await systemd.status;
        // systemd has made directories there that nobody may enter.
        await new Deno.Command("chmod", { args: ["-R", "u+rwx", folder] }).output();
        const kill = `${manager}/cgroup.kill`;
        if (exists(kill)) Deno.writeTextFileSync(kill, "1");
      }
    }),
);
