/**
 * Draws a graph, by Graphviz: the program where it is installed, else its build for WebAssembly.
 *
 * @module
 */

import { SandboxError, UnsupportedError } from "../../errors.ts";

// In a variable, so that nothing looks for the package before somebody wants a drawing.
const PACKAGE = "npm:@hpcc-js/wasm-graphviz@1.29.2";

interface GraphvizModule {
  Graphviz: { load(): Promise<{ layout(dot: string, format: string, engine: string): string }> };
}

async function byProgram(dot: string): Promise<string | undefined> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("dot", {
      args: ["-Tsvg"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const output = child.output();
  const writer = child.stdin.getWriter();
  // Its end tells why it did not read all of it.
  await writer.write(new TextEncoder().encode(dot)).then(() => writer.close()).catch(() => {});
  const { success, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  if (!success) throw new SandboxError(`dot -Tsvg failed: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** A graph in Graphviz's language as SVG. */
export async function drawn(dot: string): Promise<string> {
  const svg = await byProgram(dot);
  if (svg !== undefined) return svg.trimEnd();
  let graphviz: GraphvizModule;
  try {
    graphviz = await import(PACKAGE);
  } catch (cause) {
    throw new UnsupportedError(
      "--svg",
      `there is no program "dot", and ${PACKAGE} could not be loaded; install graphviz, or draw the output of --dot elsewhere`,
      { cause },
    );
  }
  return (await graphviz.Graphviz.load()).layout(dot, "svg", "dot").trimEnd();
}
