/**
 * Finds out what of Paddock works on this machine for this user, by trying it.
 *
 * @module
 */

import { SpecError } from "../errors.ts";
import { checkKeys } from "../known_keys.ts";
import { nearest } from "../nearest.ts";
import { ARCH } from "../sys/arch.ts";
import { FILES } from "./files.ts";
import { type Finding, type Probe, type ProbeReport, reasonOf } from "./finding.ts";
import { GUARDS } from "./guards.ts";
import { PROBE_IDS, type ProbeId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { MACHINE } from "./machine.ts";
import { NAMESPACES } from "./namespaces.ts";
import { NETWORKS } from "./network.ts";

const PROBES: readonly Probe[] = [
  ...MACHINE,
  ...NAMESPACES,
  ...FILES,
  ...GUARDS,
  ...LIMITS,
  ...NETWORKS,
];

/** What {@linkcode probe} is to do. */
export interface ProbeOptions {
  /** The ids of what to look at; all, if not given. A plain sandbox is always tried. */
  readonly only?: readonly ProbeId[];
  /** Told of each finding as soon as it is there, in the report's order. */
  readonly onFinding?: (finding: Finding) => void;
}

/** Looks at each thing once. */
class Looks {
  readonly #found = new Map<ProbeId, Promise<Finding>>();

  at(wanted: ProbeId): Promise<Finding> {
    const known = this.#found.get(wanted) ??
      this.#look(PROBES.find(({ id }) => id === wanted)!);
    this.#found.set(wanted, known);
    return known;
  }

  async #look({ id, group, title, needs, look }: Probe): Promise<Finding> {
    if (needs !== undefined) {
      const { status, title: other } = await this.at(needs);
      const detail = `not tried, for it needs ${other}`;
      if (status === "missing") return { id, group, title, status, detail };
    }
    try {
      return { id, group, title, ...await look() };
    } catch (error) {
      // That it cannot even be asked is an answer, too.
      return { id, group, title, status: "missing", detail: reasonOf(error) };
    }
  }
}

/**
 * Tries what sandboxes are made of, one thing after the other: about half a second. It starts
 * sandboxes, and leaves nothing of them; where limits need a cgroup to be prepared, that is done as
 * for any sandbox with limits.
 *
 * Errors: `SpecError` for an id that there is not. Permissions: `--allow-all`.
 *
 * ```ts
 * import { probe } from "@paddock/paddock";
 *
 * const { usable, findings } = await probe({ only: ["overlay"] });
 * for (const { title, status, cost } of findings) console.log(title, status, cost ?? "");
 * console.log(usable);
 * ```
 */
export async function probe(options: ProbeOptions = {}): Promise<ProbeReport> {
  checkKeys(options, "probe", ["only", "onFinding"]);
  const { only, onFinding } = options;
  for (const id of only ?? []) {
    if (PROBE_IDS.includes(id)) continue;
    const near = nearest(id, PROBE_IDS);
    throw new SpecError(
      "only",
      `"${id}" is none of ${PROBE_IDS.join(", ")}${
        near === undefined ? "" : `; did you mean "${near}"?`
      }`,
    );
  }
  const looks = new Looks();
  const findings: Finding[] = [];
  for (const id of PROBE_IDS) {
    if (only !== undefined && !only.includes(id)) continue;
    const finding = await looks.at(id);
    findings.push(finding);
    onFinding?.(finding);
  }
  return {
    usable: (await looks.at("sandbox")).status === "works",
    kernel: Deno.osRelease(),
    arch: ARCH,
    uid: Deno.uid() ?? 0,
    findings,
  };
}
