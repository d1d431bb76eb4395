/**
 * A pipeline of three programs, each in a sandbox of its own: they share nothing but the streams
 * between them, which are ordinary web streams.
 *
 *     deno run -A examples/pipeline.ts
 *
 * @module
 */

import { sandbox, type SandboxProcess } from "../mod.ts"; // in your project: "jsr:@paddock/paddock"

const box = sandbox().timeout("30s");

/** Starts a program whose input and output are streams. */
function stage(...command: string[]): Promise<SandboxProcess> {
  return box.spawn(command, { stdin: "piped", stdout: "piped" });
}

const [numbers, filter, count] = await Promise.all([
  stage("seq", "1", "100000"),
  stage("grep", "7"),
  stage("wc", "-l"),
]);

// seq reads nothing; the others read what came before them, with back-pressure all the way.
await Promise.all([
  numbers.stdin.close(),
  numbers.stdout.pipeTo(filter.stdin),
  filter.stdout
    // TypeScript on the way: only what is still the same read backwards.
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(lines())
    .pipeThrough(
      new TransformStream<string, string>({
        transform(line, controller) {
          if (line === [...line].reverse().join("")) controller.enqueue(line + "\n");
        },
      }),
    )
    .pipeThrough(new TextEncoderStream())
    .pipeTo(count.stdin),
]);

const palindromes = (await new Response(count.stdout).text()).trim();
console.log(`${palindromes} palindromes up to 100000 have a 7`);
for (const process of [numbers, filter, count]) console.log("status", (await process.status).code);

/** Splits text at line ends. */
function lines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      for (const part of parts) controller.enqueue(part);
    },
  });
}
