/** A sandbox that is ended when it has used too much, with the reason in its result. */
import { watch } from "../hooks/watch.ts"; // "jsr:@paddock/paddock/hooks/watch"
import { sandbox } from "../mod.ts"; // "jsr:@paddock/paddock"

const box = sandbox()
  // What is watched is the sandbox's cgroup, which it has with any limit.
  .limits({ pids: 64 })
  .use(watch({ cpuTime: "200ms", memory: "64M", every: "20ms" }));

for (const script of ["sleep 0.1", "while :; do :; done"]) {
  const { code, signal, reports } = await box.output(["sh", "-c", script]);
  const why = (reports.watch as { killed: string } | undefined)?.killed;
  console.log(`${script}: ${signal ?? `code ${code}`}${why === undefined ? "" : `, for ${why}`}`);
}
