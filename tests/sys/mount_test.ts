import { inWorker } from "./in_worker.ts";

const ignore = Deno.uid() !== 0;

Deno.test({
  name: "mount: binds, moves, flags and propagation",
  ignore,
  fn: () => inWorker("mount"),
});
Deno.test({ name: "mount: the API by descriptors", ignore, fn: () => inWorker("mount_api") });
Deno.test({ name: "mount: another root", ignore, fn: () => inWorker("pivot_root") });
