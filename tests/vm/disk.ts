/**
 * The disk of a machine: an ext4 image with Debian's programs and Deno. It is not in the first
 * filesystem, because that one lives in memory, cannot be pivoted from, and because on kernels
 * before 6.3 a tmpfs has no id-mapped mounts, which root's writable binds need.
 *
 * @module
 */

import { asFileRoot, exists, run } from "./command.ts";
import { PROGRAMS } from "./lane.ts";
import { type Packages, unpack } from "./packages.ts";

/** Room for the programs, and for what tests write. */
const SIZE = "3G";

/** The folders that are links in a Debian of today, and what has to be there before any package. */
const SKELETON = `cd "$1"
mkdir -p usr/bin usr/sbin usr/lib usr/lib64 dev proc sys run tmp root etc home mnt media opt srv
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
chmod 1777 tmp`;

/** What the packages' own scripts would have done, and no more. */
const SETTLE = `cd "$1"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
printf 'uidmap:x:1000:1000::/tmp:/bin/sh\\n' >> etc/passwd
printf 'uidmap:x:1000:\\n' >> etc/group
sed -n 's/^\\([^:]*\\):.*/\\1:*:19000:0:99999:7:::/p' etc/passwd > etc/shadow
chmod 600 etc/shadow
printf 'root:100000:65536\\nnobody:200000:65536\\n' | tee etc/subuid > etc/subgid
printf '127.0.0.1 localhost\\n::1 localhost\\n' > etc/hosts
printf 'passwd: files\\ngroup: files\\nhosts: files dns\\n' > etc/nsswitch.conf
for kind in auth account password session; do
  echo "$kind required pam_permit.so" > etc/pam.d/common-$kind
done
echo paddock-vm > etc/hostname
printf 'ip 0 IP\\nicmp 1 ICMP\\ntcp 6 TCP\\nudp 17 UDP\\nipv6-icmp 58 IPv6-ICMP\\n' > etc/protocols
mkdir -p etc/ssl
[ -e usr/bin/awk ] || ln -s mawk usr/bin/awk
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
ln -sf /proc/self/mounts etc/mtab
rm -rf usr/share/doc/* usr/share/man usr/share/locale usr/share/info`;

/** Downloads Deno from npm, where it is not the one that runs this. */
async function deno(packages: Packages, folder: string): Promise<string> {
  if (packages.lane.arch === Deno.build.arch) return Deno.execPath();
  const to = `${folder}/deno`;
  await Deno.mkdir(to, { recursive: true });
  const name = `${packages.lane.deno}@${Deno.version.deno}`;
  const [file] = JSON.parse(
    await run("npm", ["pack", "--json", name], { cwd: to }),
  ) as { filename: string }[];
  await run("tar", ["-xzf", file!.filename], { cwd: to });
  return `${to}/package/deno`;
}

/** A short word that differs when what is on the disk does. */
async function fingerprint(): Promise<string> {
  const text = JSON.stringify([PROGRAMS, SKELETON, SETTLE, SIZE, Deno.version.deno]);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash, 0, 6).toHex();
}

/** Removes images that nobody has used for a week. */
async function removeOld(folder: string): Promise<void> {
  for (const { name } of Deno.readDirSync(folder)) {
    if (!/^disk-.*\.ext4$/.test(name)) continue;
    const path = `${folder}/${name}`;
    const age = Date.now() - ((await Deno.stat(path)).mtime?.getTime() ?? 0);
    if (age > 7 * 24 * 3600_000) await Deno.remove(path);
  }
}

/** The image's file, after having made it where it is not there yet. */
export async function disk(packages: Packages, folder: string): Promise<string> {
  // Another list of programs, or another Deno, is another image.
  const image = `${folder}/disk-${await fingerprint()}.ext4`;
  if (await exists(image)) {
    await Deno.utime(image, new Date(), new Date());
    return image;
  }
  await removeOld(folder);
  const root = `${folder}/disk.new`;
  await Deno.remove(root, { recursive: true }).catch(() => {});
  await Deno.mkdir(root);
  const files = await packages.download(PROGRAMS, `${folder}/disk.debs`, { dependencies: true });
  await run("sh", ["-euc", SKELETON, "sh", root]);
  await unpack(files, root);
  await run("sh", ["-euc", SETTLE, "sh", root]);
  await Deno.copyFile(await deno(packages, folder), `${root}/usr/bin/deno`);
  await Deno.chmod(`${root}/usr/bin/deno`, 0o755);
  const [program, args] = asFileRoot(
    'mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -m 0 -d "$1" "$2" "$3"; rm -rf "$1"',
    root,
    `${image}.new`,
    SIZE,
  );
  await run(program, args, { env: { PATH: `${Deno.env.get("PATH")}:/usr/sbin:/sbin` } });
  await Deno.rename(`${image}.new`, image);
  await Deno.remove(`${folder}/disk.debs`, { recursive: true });
  await Deno.remove(`${folder}/deno`, { recursive: true }).catch(() => {});
  return image;
}
