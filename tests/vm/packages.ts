/**
 * Packages of Debian, downloaded and unpacked without being installed: apt-get with a state of its
 * own, so that another architecture, and another release than this machine's, are the same to it.
 * apt.conf(5), dpkg-deb(1).
 *
 * @module
 */

import { asFileRoot, run } from "./command.ts";
import { type Lane, RELEASE } from "./lane.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Debian's packages of one architecture, kept in a folder. */
export class Packages {
  readonly #state: string;
  #updated = false;

  /** @param folder Where the lists and packages are kept between runs. */
  constructor(readonly lane: Lane, folder: string) {
    this.#state = `${folder}/apt`;
  }

  async #update(): Promise<void> {
    if (this.#updated) return;
    await Deno.mkdir(`${this.#state}/lists/partial`, { recursive: true });
    await Deno.mkdir(`${this.#state}/cache/archives/partial`, { recursive: true });
    await Deno.writeTextFile(`${this.#state}/status`, "");
    const source = (uri: string, suite: string) =>
      `deb [signed-by=${KEYRING}] ${uri} ${suite} main\n`;
    await Deno.writeTextFile(
      `${this.#state}/sources.list`,
      source("http://deb.debian.org/debian", RELEASE) +
        source("http://deb.debian.org/debian-security", `${RELEASE}-security`),
    );
    await Deno.writeTextFile(
      `${this.#state}/apt.conf`,
      `APT::Architecture "${this.lane.debian}";
APT::Architectures { "${this.lane.debian}"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "${this.#state}";
Dir::State::status "${this.#state}/status";
Dir::Cache "${this.#state}/cache";
Dir::Etc::sourcelist "${this.#state}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Debug::NoLocking "true";
`,
    );
    await this.#apt("apt-get", ["update", "-qq"]);
    this.#updated = true;
  }

  #apt(program: "apt-get" | "apt-cache", args: string[], cwd?: string): Promise<string> {
    return run(program, args, {
      env: { APT_CONFIG: `${this.#state}/apt.conf`, LC_ALL: "C" },
      package: "apt",
      ...(cwd === undefined ? {} : { cwd }),
    });
  }

  /** The package that a package of that name stands for, such as the newest kernel. */
  async dependency(name: string, prefix: string): Promise<string> {
    await this.#update();
    const found = (await this.#apt("apt-cache", ["depends", name])).split("\n")
      .map((line) => /^\s*Depends: (\S+)$/.exec(line)?.[1])
      .find((depends) => depends?.startsWith(prefix));
    if (found === undefined) throw new Error(`${name} depends on no ${prefix}...`);
    return found;
  }

  /** Downloads packages into a new folder, and where that is wanted all that they depend on. */
  async download(
    names: readonly string[],
    folder: string,
    { dependencies }: { dependencies: boolean },
  ): Promise<string[]> {
    await this.#update();
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(`${folder}/partial`, { recursive: true });
    if (dependencies) {
      const archives = `Dir::Cache::archives=${folder}`;
      await this.#apt(
        "apt-get",
        ["-o", archives, "install", "--download-only", "-qq", "--yes", ...names],
      );
    } else {
      await this.#apt("apt-get", ["download", "-qq", ...names], folder);
    }
    return [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".deb"))
      .map(({ name }) => `${folder}/${name}`).sort();
  }
}

/** Unpacks packages into one tree, in which `/bin` and the like are links already. */
export async function unpack(files: readonly string[], root: string): Promise<void> {
  // No owners: an ordinary user has only one to give.
  const script = `root=$1; shift
for file; do
  dpkg-deb --fsys-tarfile "$file" |
    tar -x -C "$root" --no-same-owner --same-permissions --keep-directory-symlink
done`;
  const [program, args] = asFileRoot(script, root, ...files);
  await run(program, args);
}
