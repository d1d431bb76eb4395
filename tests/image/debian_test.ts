/**
 * A real system: a Debian root by mmdebstrap, images of it by umoci and skopeo, and apt-get in a
 * sandbox on them. The root is kept in the folder for temporary files, for it takes a minute to make.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Images, sandbox } from "../../mod.ts";
import { inFolder, installed, ROOT, testIf, text } from "../integration/support.ts";
import { shell } from "./small_root.ts";

const NEEDED = ["mmdebstrap", "dpkg-deb", "umoci", "skopeo", "tar"];
const missing = NEEDED.filter((program) => !installed(program));

/** How long the root may take to be made; a mirror that is slower than that is not for a test. */
const PATIENCE = 75_000;

/** The root's archive, or why there is none. */
async function debianRoot(): Promise<string | { reason: string }> {
  const path = `/tmp/paddock-test-bookworm-${Deno.build.arch}.tar`;
  try {
    // What somebody else put there is not to be trusted.
    const info = await Deno.lstat(path);
    if (info.isFile && info.uid === Deno.uid() && info.size > 10_000_000) return path;
  } catch { /* it is to be made */ }
  const fresh = await Deno.makeTempFile({ prefix: "paddock-debian-", suffix: ".tar" });
  const made = await new Deno.Command("mmdebstrap", {
    args: [
      "--quiet",
      "--variant=apt",
      "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-exclude=/usr/share/locale/*",
      "--dpkgopt=path-exclude=/usr/share/man/*",
      "--format=tar",
      "bookworm",
      fresh,
    ],
    signal: AbortSignal.timeout(PATIENCE),
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!made.success) {
    await Deno.remove(fresh);
    return { reason: `mmdebstrap could not make a root: ${text(made.stderr).slice(-300)}` };
  }
  await Deno.rename(fresh, path);
  return path;
}

/** A package of our own, so that no mirror decides what is in it. */
const PACKAGE = `
mkdir -p pkg/DEBIAN pkg/usr/bin pkg/usr/share/fern pkg/etc
printf '#!/bin/sh\\necho green\\n' > pkg/usr/bin/fern; chmod 755 pkg/usr/bin/fern
echo leaf > pkg/usr/share/fern/leaf
echo setting > pkg/etc/fern.conf; echo /etc/fern.conf > pkg/DEBIAN/conffiles
printf 'Package: fern\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: nobody <n@example.org>\\nDescription: a plant\\n' > pkg/DEBIAN/control
printf '#!/bin/sh\\nset -e\\ntouch /var/lib/fern-was-here\\n' > pkg/DEBIAN/postinst; chmod 755 pkg/DEBIAN/postinst
dpkg-deb --root-owner-group --build pkg fern.deb >/dev/null`;

testIf(
  ROOT && missing.length === 0,
  ROOT ? `not installed: ${missing.join(", ")}` : "mmdebstrap and umoci keep owners as root only",
  "debian: images by umoci and skopeo, and apt-get install in a sandbox",
  () =>
    inFolder(async (folder) => {
      const root = await debianRoot();
      if (typeof root !== "string") {
        console.warn(`skipped: ${root.reason}`);
        return;
      }
      const before = Deno.env.get("PADDOCK_STORE");
      Deno.env.set("PADDOCK_STORE", `${folder}/store`);
      try {
        await onDebian(root, folder);
      } finally {
        if (before === undefined) Deno.env.delete("PADDOCK_STORE");
        else Deno.env.set("PADDOCK_STORE", before);
      }
    }),
);

async function onDebian(root: string, folder: string): Promise<void> {
  const images = new Images();
  const [plain] = await images.import(root, { name: "debian:12" });
  assert(plain!.report.devices > 0, "a Debian root has device nodes");
  await shell(
    `umoci init --layout oci; umoci new --image oci:deb; umoci unpack --image oci:deb b >/dev/null
    tar -xf '${root}' -C b/rootfs; umoci repack --refresh-bundle --image oci:deb b
    rm -rf b/rootfs/usr/share/perl5; echo fern > b/rootfs/etc/hostname
    umoci repack --refresh-bundle --image oci:deb b
    umoci config --image oci:deb --config.env FERN=green --config.workingdir /srv \\
      --config.entrypoint /bin/sh --config.user www-data
    skopeo copy --quiet --insecure-policy oci:oci:deb docker-archive:docker.tar:deb:2
    skopeo copy --quiet --insecure-policy oci:oci:deb oci-archive:oci.tar:deb:2
    skopeo copy --quiet --insecure-policy --dest-compress-format zstd oci:oci:deb oci:zstd:deb`,
    folder,
  );
  const [docker] = await images.import(`${folder}/docker.tar`);
  const [archive] = await images.import(`${folder}/oci.tar`, { name: "archive" });
  const [layout] = await images.import(`${folder}/oci`, { name: "layout" });
  const [zstd] = await images.import(`${folder}/zstd`, { name: "zstd" });
  assertEquals(docker!.layers.map(({ diffId }) => diffId), layout!.layers.map((it) => it.diffId));
  assertEquals(archive!.layers, layout!.layers);
  assertEquals(zstd!.layers, layout!.layers);
  const said = await sandbox().root({ image: "deb:2" }).output([
    "sh",
    "-c",
    "id -un; pwd; echo $FERN; cat /etc/hostname; ls /usr/share/perl5 2>&1 | head -1",
  ]);
  assertEquals(
    text(said.stdout),
    "www-data\n/srv\ngreen\nfern\nls: cannot access '/usr/share/perl5': No such file or directory\n",
  );

  await shell(PACKAGE, folder);
  await using child = await sandbox().root({ image: "debian:12" })
    .bind(`${folder}/fern.deb`, "/tmp/fern.deb")
    .env("DEBIAN_FRONTEND", "noninteractive")
    .capabilities([
      "CAP_CHOWN",
      "CAP_DAC_OVERRIDE",
      "CAP_FOWNER",
      "CAP_FSETID",
      "CAP_SETGID",
      "CAP_SETUID",
    ])
    .timeout("120s")
    .spawn(["sh", "-c", "apt-get -q -y -o APT::Sandbox::User=root install /tmp/fern.deb && fern"], {
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, `${text(stdout)}\n${text(stderr)}`);
  assertStringIncludes(text(stdout), "\ngreen\n");
  const { added, modified, deleted } = await child.changes();
  for (
    const path of [
      "/etc/fern.conf",
      "/usr/bin/fern",
      "/usr/share/fern",
      "/usr/share/fern/leaf",
      "/var/lib/dpkg/info/fern.list",
      "/var/lib/dpkg/info/fern.postinst",
      "/var/lib/fern-was-here",
    ]
  ) assert(added.includes(path), `${path} is not in ${added.join(" ")}`);
  assert(modified.includes("/var/lib/dpkg/status"), modified.join(" "));
  assertEquals(deleted, []);
  for (const path of added) assert(/^\/(etc|usr|var)\//.test(path), `${path} is none of apt's`);
  // What was installed is an image; what was saved is a layer that others read.
  await child.commit("debian:fern");
  const fern = await sandbox().root({ image: "debian:fern" }).output(["fern"]);
  assertEquals(text(fern.stdout), "green\n");
  await images.export("debian:fern", `${folder}/fern.tar`);
  const config = await shell("skopeo inspect --config oci-archive:fern.tar:debian:fern", folder);
  assertEquals(JSON.parse(config).rootfs.diff_ids.length, 2);
}
