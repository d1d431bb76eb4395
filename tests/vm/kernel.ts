/**
 * The kernel, its modules and the static busybox of a machine, from Debian's packages.
 *
 * @module
 */

import { exists } from "./command.ts";
import { MODULES } from "./lane.ts";
import { type Module, selectModules } from "./modules.ts";
import { type Packages, unpack } from "./packages.ts";

/** What boots. */
export interface Kernel {
  /** Its release, as `uname -r` says it. */
  readonly release: string;
  /** The image's file. */
  readonly image: string;
  /** The modules to take along, in the order in which they can be loaded. */
  readonly modules: readonly Module[];
  /** The file of a busybox without libraries. */
  readonly busybox: string;
}

/** Finds the kernel in its folder, after having downloaded it where it is not there yet. */
export async function kernel(packages: Packages, folder: string): Promise<Kernel> {
  const tree = `${folder}/kernel`;
  if (!await exists(tree)) {
    const name = await packages.dependency(packages.lane.kernel, "linux-image-");
    const files = await packages.download([name, "busybox-static"], `${folder}/kernel.debs`, {
      dependencies: false,
    });
    const fresh = `${tree}.new`;
    await Deno.remove(fresh, { recursive: true }).catch(() => {});
    await Deno.mkdir(fresh);
    await unpack(files, fresh);
    await Deno.rename(fresh, tree);
    await Deno.remove(`${folder}/kernel.debs`, { recursive: true });
  }
  const [release] = [...Deno.readDirSync(`${tree}/lib/modules`)].map(({ name }) => name);
  return {
    release: release!,
    image: `${tree}/boot/vmlinuz-${release}`,
    modules: selectModules(`${tree}/lib/modules/${release}`, MODULES),
    busybox: `${tree}/bin/busybox`,
  };
}
