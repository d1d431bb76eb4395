/** Pids that were used again, for real: in a pid namespace that has few of them. */
import { assertEquals } from "@std/assert";
import { installed, kernelIs, ROOT, testIf, text } from "../integration/support.ts";
import { inPlace } from "./support.ts";

testIf(
  ROOT && kernelIs(6, 14) && installed("unshare"),
  "only root, from Linux 6.14 on, may have few pids in a namespace",
  "processes that have a dead sandbox's pids get none of its signals",
  async () => {
    await inPlace(async (place) => {
      const program = new URL("./pid_reuse_program.ts", import.meta.url).pathname;
      const { stdout, stderr } = await new Deno.Command("unshare", {
        // A shell as pid 1, for somebody must wait for orphans.
        args: [
          ...["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; exit $?', "sh"],
          ...[Deno.execPath(), "run", "-A", "--quiet", program],
        ],
        cwd: new URL("../../", import.meta.url),
        env: place.env,
        signal: AbortSignal.timeout(60_000),
      }).output();
      assertEquals(
        text(stdout),
        JSON.stringify({ heirs: 3, alive: 3, told: false }) + "\n",
        text(stderr),
      );
    });
  },
);
