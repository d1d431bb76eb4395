/**
 * Options that hands know from docker, podman and bubblewrap, and what says the same here.
 *
 * @module
 */

const BIND = "write -b, --bind SRC[:DST][:rw]; without :rw it is read-only";
const INPUT = "standard input is always connected; for a terminal write -t";
const NEW = "every namespace but time is new already; to share one write --share KIND";

const ADVICE: Readonly<Record<string, string>> = {
  "-v": BIND,
  "--volume": BIND,
  "--ro-bind": "write -b, --bind SRC[:DST], which is read-only",
  "--dev-bind": "write --bind SRC[:DST]:rw,dev",
  "-i": INPUT,
  "--interactive": INPUT,
  "--rm": "leave it out: nothing of a sandbox is left when it ends",
  "-m": "write --memory SIZE",
  "-c": "write the command as words of its own: paddock run sh -c TEXT",
  "--workdir": "write -w, --cwd DIR",
  "--chdir": "write -w, --cwd DIR",
  "--net": "write --network MODE",
  "--setenv": "write -e, --env NAME=VALUE",
  "--clearenv": "write --clear-env",
  "--uid": "write -u, --user UID[:GID]",
  "--gid": "write -u, --user UID:GID",
  "--cap-add": "write --cap NAME",
  "--cap-drop": "there are no capabilities but those that --cap NAME keeps",
  "--privileged": "give what is needed, one by one: --cap NAME, --bind SRC:DST:rw, --share KIND",
  "--read-only": "leave it out: the root is read-only; --overlay-root lets it be changed",
  "--entrypoint": "write the command behind the options",
  "--ulimit": "write --rlimit NAME=VALUE[:HARD]",
  "--security-opt": "write --seccomp default, none or FILE",
  "--unshare-all": NEW,
  "--unshare-net": NEW,
  "--unshare-pid": NEW,
  "--unshare-user": NEW,
  "--share-net": "write --network host",
  "--die-with-parent": "leave it out: it is always so",
};

/** What to write instead of an option of another program's. */
export function elsewhere(option: string): string | undefined {
  return Object.hasOwn(ADVICE, option) ? ADVICE[option] : undefined;
}
