/**
 * What the default filter costs: in a loop of system calls, against libseccomp's filter of the same
 * profile; and to compile.
 *
 * @module
 */

import { sandbox } from "../mod.ts";
import { compilePolicy } from "../lib/seccomp/compile.ts";
import { defaultPolicy } from "../lib/seccomp/default_profile.ts";
import { ARCH } from "../lib/sys/mod.ts";
import { libseccompFilter } from "./libseccomp.ts";
import { median } from "./measure.ts";

const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static double loop(long call, long argument, long count) {
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (long i = 0; i < count; i++) syscall(call, argument);
  clock_gettime(CLOCK_MONOTONIC, &to);
  return ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count;
}
int main(int argc, char **argv) {
  long count = atol(argv[1]);
  loop(SYS_getpid, 0, count);
  printf("%f %f\\n", loop(SYS_getpid, 0, count), loop(SYS_personality, 0xffffffff, count));
}`;

/** Nanoseconds of one call at best, and how many instructions the filter has. */
export interface FilterCost {
  name: string;
  /** Always allowed, so that the kernel need not ask the filter. */
  getpid: number;
  /** Its argument is looked at, so that the filter runs. */
  personality: number;
  instructions: number;
}

/** Runs the loop behind each filter in turn; undefined where there is no C compiler. */
export async function benchFilter(rounds: number): Promise<FilterCost[] | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "paddock-bench-" });
  try {
    await Deno.chmod(folder, 0o755);
    await Deno.writeTextFile(`${folder}/loop.c`, SOURCE);
    const compiler = await new Deno.Command("cc", {
      args: ["-O2", "-o", `${folder}/loop`, `${folder}/loop.c`],
    }).output().catch(() => undefined);
    if (!compiler?.success) return undefined;
    const own = compileDefault();
    const theirs = libseccompFilter();
    const filters: [string, "none" | { bpf: Uint8Array<ArrayBuffer> }][] = [
      ["no filter", "none"],
      ["the default profile", { bpf: own }],
      ...(theirs === undefined ? [] : [["libseccomp's", { bpf: theirs }] as [
        string,
        { bpf: Uint8Array<ArrayBuffer> },
      ]]),
    ];
    const boxes = filters.map(([, profile]) => sandbox().bind(folder, "/loop").seccomp(profile));
    const times = filters.map((): { getpid: number[]; personality: number[] } => ({
      getpid: [],
      personality: [],
    }));
    for (let round = 0; round < rounds; round++) {
      for (const [index, box] of boxes.entries()) {
        const { stdout } = await box.output(["/loop/loop", "200000"]);
        const [getpid, personality] = new TextDecoder().decode(stdout).split(" ").map(Number);
        times[index]!.getpid.push(getpid!);
        times[index]!.personality.push(personality!);
      }
    }
    return filters.map(([name, profile], index) => ({
      name,
      // What else the machine does only adds to it.
      getpid: Math.min(...times[index]!.getpid),
      personality: Math.min(...times[index]!.personality),
      instructions: profile === "none" ? 0 : profile.bpf.length / 8,
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function compileDefault(): Uint8Array<ArrayBuffer> {
  return compilePolicy(defaultPolicy({ capabilities: new Set(), guardSetuid: false }, [ARCH]));
}

/** Milliseconds to compile the default profile: the first time, and later. */
export function benchCompile(rounds: number): { first: number; median: number } {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    compileDefault();
    return performance.now() - start;
  });
  return { first: times[0]!, median: median(times) };
}
