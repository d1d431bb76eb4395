/** A hostile member of a pod that shares pids, where it sees who holds the pod and the others. */
import { assert, assertEquals } from "@std/assert";
import { pod, sandbox } from "../../mod.ts";
import { text } from "../integration/support.ts";

Deno.test("a pod's proc is its own, and who holds it can neither be looked into nor ended", async () => {
  await using together = await pod({ share: ["pid", "net", "ipc", "uts"] });
  const attempts = [
    "cat /proc/1/environ",
    "ls /proc/1/fd/",
    "ls /proc/1/root/",
    "readlink /proc/1/exe",
    "cat /proc/1/maps",
    "echo x >/proc/1/mem",
    "nsenter -t 1 -m true",
    "nsenter -t 1 -U true",
    "unshare -U true",
    "unshare -m true",
  ];
  const script = `for pid in /proc/[0-9]*; do echo "process \${pid#/proc/}"; done
    ${attempts.map((line) => `(${line}) >/dev/null 2>&1 && echo "done: ${line}"`).join("\n")}
    for signal in KILL STOP TERM HUP; do kill -$signal 1; done 2>/dev/null
    sleep 0.1; echo still here`;
  const { stdout } = await together.output(sandbox(), ["sh", "-c", script]);
  const lines = text(stdout).trimEnd().split("\n");
  assertEquals(lines.filter((line) => !line.startsWith("process ")), ["still here"]);
  // The holder, this member's supervisor, and its shell.
  assertEquals(lines.filter((line) => line.startsWith("process ")).length, 3);
  assertEquals(text((await together.output(sandbox(), ["echo", "next"])).stdout), "next\n");
});

Deno.test("what a member does to another's supervisor ends with the pod at the latest", async () => {
  const tag = `paddock-pod-orphan-${Deno.pid}`;
  const pids = () =>
    [...Deno.readDirSync("/proc")].filter(({ name }) => {
      try {
        return /^\d+$/.test(name) && Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(tag);
      } catch {
        return false;
      }
    });
  {
    await using together = await pod({ share: ["pid"] });
    const victim = await together.start(sandbox(), ["sh", "-c", "setsid sleep 100 & wait", tag]);
    const ended = victim.status.catch(() => undefined);
    // All that it may signal but itself and its own parent.
    const kill = `for pid in /proc/[0-9]*; do pid=\${pid#/proc/}
      case $pid in $$|$PPID) ;; *) kill -9 $pid ;; esac; done 2>/dev/null; true`;
    await together.output(sandbox(), ["sh", "-c", kill]);
    await ended;
    assertEquals(text((await together.output(sandbox(), ["echo", "next"])).stdout), "next\n");
  }
  assert(pids().length === 0);
});
