/**
 * The first sandbox: a command with its own files, hostname and time limit, and nothing of the host
 * but its programs.
 *
 *     deno run -A examples/quick_start.ts
 *
 * @module
 */

import { sandbox } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const box = sandbox()
  .tmpfs("/work", { size: "64M" })
  .file("/work/hello.sh", "echo hello from $(uname -n), pid $$; ls /home || echo no /home here")
  .cwd("/work")
  .hostname("fern")
  .timeout("10s");

const { success, stdout, usage } = await box.output(["sh", "hello.sh"]);
console.log(new TextDecoder().decode(stdout).trim());
console.log(success ? "ended well" : "failed", "after", usage.wall.toFixed(1), "ms");

// Nothing is hidden: what was done, step by step.
console.log(String(box.plan(["sh", "hello.sh"])));
