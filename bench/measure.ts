/**
 * Paired measurements: the candidates take turns in one process, so that whatever else the machine
 * does weighs on all of them alike.
 *
 * @module
 */

/** Something to time. */
export interface Candidate {
  name: string;
  run: () => Promise<unknown>;
  /** What must be done before each run, and is not timed. */
  before?: () => Promise<unknown>;
}

/** Times of one candidate in milliseconds. */
export interface Timing {
  name: string;
  median: number;
  minimum: number;
  runs: number;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** Runs each candidate in turn: first the warm-up rounds, then the counted ones. */
export async function paired(
  candidates: readonly Candidate[],
  rounds: number,
  warmUp = Math.ceil(rounds / 5),
): Promise<Timing[]> {
  const times = candidates.map((): number[] => []);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, { run, before }] of candidates.entries()) {
      await before?.();
      const start = performance.now();
      await run();
      if (round >= 0) times[index]!.push(performance.now() - start);
    }
  }
  return candidates.map(({ name }, index) => ({
    name,
    median: median(times[index]!),
    minimum: Math.min(...times[index]!),
    runs: rounds,
  }));
}

/** Whether a program is there. */
export async function installed(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch {
    return false;
  }
}
