/**
 * Makes the rules of a description into what the running kernel takes, or says what it lacks.
 *
 * @module
 */

import { UnsupportedError } from "../errors.ts";
import type { LandlockRuleset } from "../plan/landlock_steps.ts";
import type { LandlockPath, LandlockRightName, LandlockSpec } from "../spec/landlock.ts";
import type { SandboxSpec } from "../spec.ts";
import { LANDLOCK_FS_RIGHTS } from "../sys/landlock.ts";
import {
  ACCESS,
  type Feature,
  FILE_RIGHTS,
  FS_FEATURES,
  SCOPE_FEATURES,
  TCP_FEATURES,
} from "./features.ts";
import { fromMounts } from "./from_mounts.ts";

const bits = (features: readonly Feature[]) => features.reduce((all, { bit }) => all | bit, 0);

function rights(allow: LandlockPath["allow"]): number {
  return [allow].flat().reduce(
    (all, name) =>
      all | (ACCESS[name as keyof typeof ACCESS] ?? LANDLOCK_FS_RIGHTS[name as LandlockRightName]),
    0,
  );
}

/** Splits what is wanted into what a version of Landlock has and what it lacks. */
function split(wanted: readonly Feature[], version: number): [had: Feature[], lacking: Feature[]] {
  return [
    wanted.filter((feature) => feature.version <= version),
    wanted.filter((feature) => feature.version > version),
  ];
}

function lackError(lacking: readonly Feature[], version: number): UnsupportedError {
  const newest = lacking.reduce((a, b) => b.version > a.version ? b : a);
  const names = lacking.map(({ name }) => name).join(", ");
  return version === 0
    ? new UnsupportedError(
      "Landlock",
      'this kernel has none, or does not use it: put "landlock" into its lsm= parameter; or give { optional: true }',
    )
    : new UnsupportedError(
      `Landlock's ${names}`,
      `this kernel has version ${version} of Landlock; version ${newest.version} came with Linux ${newest.linux}; or give { optional: true }`,
    );
}

/** How a list of ports reads. */
function portWords(side: "bind" | "connect", ports: readonly number[]): string {
  return `${side} ${ports.length === 0 ? "no TCP port" : `TCP port ${ports.join(", ")}`}`;
}

/** What the rules come to, in words. */
function words(paths: LandlockSpec["paths"], tcp: LandlockSpec["tcp"], scopes: string[]): string {
  return [
    ...(paths === "from-mounts" ? ["files as the mounts say"] : (paths ?? []).map(
      ({ path, allow }) => `"${path}" ${[allow].flat().join(" ")}`,
    )),
    ...(paths?.length === 0 ? ["no file at all"] : []),
    ...(tcp?.bind ? [portWords("bind", tcp.bind)] : []),
    ...(tcp?.connect ? [portWords("connect", tcp.connect)] : []),
    ...scopes.map((scope) => `keep ${scope} inside`),
  ].join("; ");
}

/**
 * The rules for a kernel with this version of Landlock, and the names of what was left out because
 * it is optional and not there. Without rules there is nothing to restrict. Throws an
 * `UnsupportedError` for what the kernel lacks and the description does not call optional.
 */
export function landlockRuleset(
  spec: SandboxSpec,
  version: () => number,
): { ruleset?: LandlockRuleset; skipped: string[] } {
  if (spec.landlock === undefined) return { skipped: [] };
  const landlock: LandlockSpec = spec.landlock === "from-mounts"
    ? { paths: "from-mounts" }
    : spec.landlock;
  const { tcp = {}, scopes = [], optional = false } = landlock;
  const sides = (["bind", "connect"] as const).filter((side) => tcp[side] !== undefined);
  const has = version();
  const [fs, noFs] = split(landlock.paths === undefined ? [] : FS_FEATURES, has);
  const [net, noNet] = split(sides.map((side) => TCP_FEATURES[side]), has);
  const [scope, noScope] = split(scopes.map((name) => SCOPE_FEATURES[name]), has);
  const lacking = [...noFs, ...noNet, ...noScope];
  if (lacking.length > 0 && !optional) throw lackError(lacking, has);
  const skipped = has === 0 ? ["landlock"] : lacking.map(({ name }) => `landlock ${name}`);
  const handledFs = bits(fs), handledNet = bits(net), scoped = bits(scope);
  if ((handledFs | handledNet | scoped) === 0) return { skipped };
  const rules = landlock.paths === "from-mounts" ? fromMounts(spec) : landlock.paths ?? [];
  const ports = new Map<number, number>();
  for (const side of sides) {
    if (!net.includes(TCP_FEATURES[side])) continue;
    for (const port of tcp[side]!) {
      ports.set(port, (ports.get(port) ?? 0) | TCP_FEATURES[side].bit);
    }
  }
  const ruleset: LandlockRuleset = {
    handledFs,
    handledNet,
    scoped,
    paths: handledFs === 0 ? [] : rules.flatMap(({ path, allow, optional = false }) => {
      const directory = rights(allow) & handledFs;
      return directory === 0 ? [] : [{ path, directory, file: directory & FILE_RIGHTS, optional }];
    }),
    ports: Array.from(ports, ([port, allowed]) => ({ port, allowed })),
    sentence: words(
      handledFs === 0 ? undefined : landlock.paths,
      handledNet === 0 ? undefined : tcp,
      scope.map(({ name }) => name),
    ),
  };
  return { ruleset, skipped };
}
