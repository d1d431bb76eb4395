/**
 * Decides who the command is and which ids exist inside. user_namespaces(7).
 *
 * @module
 */

import { SpecError, UnsupportedError } from "../errors.ts";
import type { IdRange, SandboxSpec } from "../spec.ts";
import type { HostFacts } from "./facts.ts";

/**
 * The host's id for what root runs in a sandbox with a user namespace: never 0, for uid 0 without
 * capabilities can still open files such as `/proc/sys/kernel/core_pattern`. It lies at the end of
 * the range that systemd sets aside for containers, so no account has it.
 */
export const UNPRIVILEGED_ID = 1_878_982_656;

/** How many ids `idMap("auto")` gives root when `/etc/subuid` has no line for it. */
const AUTO_COUNT = 65_536;

/** Who is who. */
export interface Identity {
  /** The command's ids inside. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  /** The maps to write; undefined without a user namespace of the sandbox's own. */
  readonly maps?: { readonly uids: readonly IdRange[]; readonly gids: readonly IdRange[] };
  /** The ids under which the set-up makes files: 0 where it is mapped. */
  readonly setup: { readonly uid: number; readonly gid: number };
  /** The maps must be written by newuidmap and newgidmap. */
  readonly byHelper: boolean;
  /** setgroups is denied inside. */
  readonly denySetgroups: boolean;
}

function checkRanges(list: readonly IdRange[], field: string): void {
  if (list.length === 0) throw new SpecError(field, "an id map needs at least one range");
  list.forEach((range, index) => {
    for (const key of ["inside", "outside", "count"] as const) {
      const value = key === "count" ? range.count ?? 1 : range[key];
      const least = key === "count" ? 1 : 0;
      if (!Number.isInteger(value) || value < least || value > 0xffff_fffe) {
        throw new SpecError(`${field}[${index}].${key}`, `${value} is not an id or a count`);
      }
    }
    list.forEach((other, place) => {
      if (place >= index) return;
      for (const side of ["inside", "outside"] as const) {
        const apart = range[side] + (range.count ?? 1) <= other[side] ||
          other[side] + (other.count ?? 1) <= range[side];
        if (!apart) {
          throw new SpecError(
            `${field}[${index}].${side}`,
            `overlaps the range ${field}[${place}]`,
          );
        }
      }
    });
  });
}

function isMapped(id: number, list: readonly IdRange[]): boolean {
  return list.some(({ inside, count = 1 }) => id >= inside && id < inside + count);
}

function automatic(own: number, given: readonly IdRange[], root: boolean, what: string): IdRange[] {
  if (root) {
    const range = given[0];
    return [{
      inside: 0,
      outside: range?.outside ?? UNPRIVILEGED_ID,
      count: range?.count ?? AUTO_COUNT,
    }];
  }
  if (given.length === 0) {
    throw new UnsupportedError(
      `an automatic ${what} map`,
      `/etc/${what} has no line for this user; add one with \`usermod --add-${what}s 100000-165535 NAME\` as root`,
    );
  }
  let inside = 1;
  return [
    { inside: 0, outside: own, count: 1 },
    ...given.map((range) => {
      const next = { inside, outside: range.outside, count: range.count ?? 1 };
      inside += next.count;
      return next;
    }),
  ];
}

function automaticMaps(facts: HostFacts, root: boolean): { uids: IdRange[]; gids: IdRange[] } {
  const { uids, gids } = facts.subordinate();
  return {
    uids: automatic(facts.uid, uids, root, "subuid"),
    gids: automatic(facts.gid, gids, root, "subgid"),
  };
}

/**
 * Whether newuidmap may map these: the caller's own id, and what lies within one of the ranges that
 * are the caller's. It would refuse the rest, but after a process was made, and without saying which.
 * Where there is no line, a service may know more than the file. newuidmap(1), subuid(5).
 */
function checkSubordinate(
  list: readonly IdRange[],
  own: number,
  given: readonly IdRange[],
  field: string,
  file: string,
): void {
  if (given.length === 0) return;
  list.forEach(({ outside, count = 1 }, index) => {
    if (outside === own && count === 1) return;
    const covered = given.some((range) =>
      outside >= range.outside && outside + count <= range.outside + (range.count ?? 1)
    );
    if (covered) return;
    const name = (first: number, many: number) =>
      many === 1 ? `${first}` : `${first}-${first + many - 1}`;
    const ranges = given.map((range) => name(range.outside, range.count ?? 1)).join(", ");
    throw new SpecError(
      `${field}[${index}].outside`,
      `${
        name(outside, count)
      } is not within what ${file} gives this user (${ranges}); run as root, or have root add a range`,
    );
  });
}

/** Decides from the spec and the caller. Throws a `SpecError` for what contradicts itself. */
export function decideIdentity(spec: SandboxSpec, facts: HostFacts): Identity {
  const root = facts.uid === 0;
  const fresh = spec.namespaces.user === "new";
  const uid = spec.user?.uid ?? facts.uid;
  const gid = spec.user?.gid ?? spec.user?.uid ?? facts.gid;
  const groups = spec.user?.groups ?? [];
  for (
    const [field, id] of [
      ["user.uid", uid],
      ["user.gid", gid],
      ...groups.map((group, index) => [`user.groups[${index}]`, group] as const),
    ] as const
  ) {
    if (!Number.isInteger(id) || id < 0 || id > 0xffff_fffe) {
      throw new SpecError(field, `${id} is not an id`);
    }
  }
  const user = { uid, gid, groups };
  if (!fresh) {
    if (spec.idMap !== undefined) {
      throw new SpecError(
        "idMap",
        'ids can only be mapped in a new user namespace; unshare("user")',
      );
    }
    const joined = typeof spec.namespaces.user === "object";
    if (!root && !joined && (uid !== facts.uid || gid !== facts.gid || groups.length > 0)) {
      throw new SpecError("user", "without a user namespace only root can change the user");
    }
    return { user, setup: user, byHelper: false, denySetgroups: false };
  }
  const maps = spec.idMap === undefined
    ? {
      uids: [{ inside: uid, outside: root ? UNPRIVILEGED_ID : facts.uid, count: 1 }],
      gids: [{ inside: gid, outside: root ? UNPRIVILEGED_ID : facts.gid, count: 1 }],
    }
    : spec.idMap === "auto"
    ? automaticMaps(facts, root)
    : spec.idMap;
  checkRanges(maps.uids, "idMap.uids");
  checkRanges(maps.gids, "idMap.gids");
  const needed: [string, number, readonly IdRange[]][] = [
    ["user.uid", uid, maps.uids],
    ["user.gid", gid, maps.gids],
    ...groups.map((
      group,
      index,
    ): [string, number, readonly IdRange[]] => [`user.groups[${index}]`, group, maps.gids]),
  ];
  for (const [field, id, list] of needed) {
    if (!isMapped(id, list)) throw new SpecError(field, `${id} is not in the id map; see idMap()`);
  }
  const own = (list: readonly IdRange[], id: number) =>
    list.length === 1 && (list[0]!.count ?? 1) === 1 && list[0]!.outside === id;
  const byHelper = !root && !(own(maps.uids, facts.uid) && own(maps.gids, facts.gid));
  if (byHelper) {
    const { uids, gids } = facts.subordinate();
    checkSubordinate(maps.uids, facts.uid, uids, "idMap.uids", "/etc/subuid");
    checkSubordinate(maps.gids, facts.gid, gids, "idMap.gids", "/etc/subgid");
  }
  const denySetgroups = !root && !byHelper;
  if (groups.length > 0 && denySetgroups) {
    throw new SpecError(
      "user.groups",
      'supplementary groups need a map of several ids; idMap("auto")',
    );
  }
  return {
    user,
    maps,
    setup: {
      uid: isMapped(0, maps.uids) ? 0 : uid,
      gid: isMapped(0, maps.gids) ? 0 : gid,
    },
    byHelper,
    denySetgroups,
  };
}
