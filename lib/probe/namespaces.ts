/**
 * Probes of namespaces and ids.
 *
 * @module
 */

import { mapByHelper } from "../ids/map_programs.ts";
import { accountName, subordinate } from "../ids/subordinate.ts";
import { readSetting, userNamespaceRefusal } from "../run/refusals.ts";
import * as abi from "../sys/abi/clone.ts";
import { close, pipe } from "../sys/file.ts";
import { pidfdSendSignal, waitPidfd } from "../sys/pidfd.ts";
import { spawnRaw } from "../sys/clone.ts";
import { type Finds, type Probe, reasonOf, works } from "./finding.ts";
import { tryCalls } from "./try_calls.ts";

function userNamespaces(): Finds {
  const error = tryCalls(abi.CLONE_NEWUSER);
  const most = readSetting("/proc/sys/user/max_user_namespaces");
  if (error === undefined) {
    return works(most === undefined ? "one was made" : `one was made; at most ${most}`);
  }
  const { reason, remedy } = userNamespaceRefusal();
  return {
    status: "missing",
    detail: `${error.code}: ${reason}`,
    cost: Deno.uid() === 0
      ? "sandboxes need --share user, and then the command is the host's root"
      : "no sandbox starts for this user",
    remedy,
  };
}

/** Some security modules allow the namespace, and take away what it is good for. */
function rightsInside(): Finds {
  const flags = abi.CLONE_NEWUSER | abi.CLONE_NEWNS | abi.CLONE_NEWUTS;
  const error = tryCalls(flags, [{ name: "sethostname", args: ["probe", 5] }]);
  if (error === undefined) return works("a process has all capabilities in its own");
  const { reason, remedy } = userNamespaceRefusal();
  return {
    status: "missing",
    detail: `${error.syscall}: ${error.code}: ${reason}`,
    cost: "no sandbox can be set up by this user",
    remedy,
  };
}

const OTHERS: readonly (readonly [name: string, flag: number])[] = [
  ["mount", abi.CLONE_NEWNS],
  ["pid", abi.CLONE_NEWPID],
  ["net", abi.CLONE_NEWNET],
  ["ipc", abi.CLONE_NEWIPC],
  ["uts", abi.CLONE_NEWUTS],
  ["cgroup", abi.CLONE_NEWCGROUP],
];

function otherNamespaces(): Finds {
  const refused = OTHERS.flatMap(([name, flag]) => {
    const error = tryCalls(abi.CLONE_NEWUSER | flag);
    return error === undefined ? [] : [`${name}: ${error.code}`];
  });
  const time = tryCalls(abi.CLONE_NEWUSER, [{ name: "unshare", args: [abi.CLONE_NEWTIME] }]);
  if (time !== undefined) refused.push(`time: ${time.code}`);
  if (refused.length === 0) {
    return works([...OTHERS.map(([name]) => name), "time"].join(" "));
  }
  return {
    status: refused.length > OTHERS.length ? "missing" : "limited",
    detail: refused.join(", "),
    cost: "sandboxes start only without these, by --share",
    remedy: "sudo sysctl user.max_KIND_namespaces=10000 where that is 0; else another kernel",
  };
}

const SUBORDINATE_COST = 'idMap("auto") fails, and imported images have one owner for all files';

function ranges(): Finds {
  const uid = Deno.uid() ?? 0;
  if (uid === 0) return works("root maps any ids");
  const name = accountName(uid);
  const count = (file: string) =>
    subordinate(file, uid, name).reduce((sum, { count = 1 }) => sum + count, 0);
  const uids = count("/etc/subuid"), gids = count("/etc/subgid");
  const detail = `${uids} uids, ${gids} gids`;
  if (uids > 0 && gids > 0) return works(detail);
  const who = name ?? String(uid);
  return {
    status: "limited",
    detail,
    cost: SUBORDINATE_COST,
    remedy: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${who}`,
  };
}

/** Has the set-uid programs map a process that waits. */
async function mapPrograms(): Promise<Finds> {
  const uid = Deno.uid() ?? 0, gid = Deno.gid() ?? 0;
  if (uid === 0) return works("not needed by root");
  const name = accountName(uid);
  const [uids] = subordinate("/etc/subuid", uid, name);
  const [gids] = subordinate("/etc/subgid", uid, name);
  if (uids === undefined || gids === undefined) {
    return { status: "limited", detail: "not tried, for there are no ranges" };
  }
  const [readEnd, writeEnd] = pipe();
  try {
    const { pid, pidfd } = spawnRaw({
      flags: abi.CLONE_NEWUSER,
      path: "/bin/cat",
      stdio: [readEnd, writeEnd, 2],
    });
    try {
      await mapByHelper(pid, {
        uids: [{ inside: 0, outside: uid }, { inside: 1, outside: uids.outside, count: 1 }],
        gids: [{ inside: 0, outside: gid }, { inside: 1, outside: gids.outside, count: 1 }],
      });
      return works("newuidmap and newgidmap mapped a process");
    } catch (error) {
      return {
        status: "limited",
        detail: reasonOf(error),
        cost: SUBORDINATE_COST,
        remedy: "sudo apt install uidmap (or dnf install shadow-utils)",
      };
    } finally {
      pidfdSendSignal(pidfd, "SIGKILL");
      waitPidfd(pidfd);
      close(pidfd);
    }
  } finally {
    close(readEnd);
    close(writeEnd);
  }
}

/** In their order. */
export const NAMESPACES: readonly Probe[] = [
  { id: "user-namespaces", group: "Namespaces", title: "user namespaces", look: userNamespaces },
  {
    id: "user-rights",
    needs: "user-namespaces",
    group: "Namespaces",
    title: "capabilities in them",
    look: rightsInside,
  },
  {
    id: "namespaces",
    needs: "user-namespaces",
    group: "Namespaces",
    title: "the other namespaces",
    look: otherNamespaces,
  },
  { id: "id-ranges", group: "Namespaces", title: "subordinate ids", look: ranges },
  { id: "id-programs", group: "Namespaces", title: "programs that map them", look: mapPrograms },
];
