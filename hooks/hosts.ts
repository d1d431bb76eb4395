/**
 * A plugin that gives a sandbox its own `/etc/hosts`, and name servers if it is to have any.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { hosts } from "@paddock/paddock/hooks/hosts";
 *
 * const box = sandbox().use(hosts({ "db.local": "10.0.0.2", "api.local": ["10.0.0.3", "fd00::3"] }));
 * const { stdout } = await box.output(["getent", "hosts", "db.local"]);
 * console.log(new TextDecoder().decode(stdout)); // 10.0.0.2  db.local
 * ```
 *
 * @module
 */

import { checkKeys, defineHook, type MountSpec, type Plugin, SpecError } from "../mod.ts";

/** What {@linkcode hosts} makes besides `/etc/hosts`. */
export interface HostsOptions {
  /** Addresses of name servers: `/etc/resolv.conf`. None: it is left as it is. */
  nameservers?: readonly string[];
  /** Domains in which short names are looked up; only with `nameservers`. */
  search?: readonly string[];
}

/**
 * Gives the sandbox an `/etc/hosts` with `localhost`, its own hostname, and these names; nothing of
 * the host's file is in it. The file is in memory, and lies over one that is there already.
 *
 * Names and addresses are checked, so that text from elsewhere cannot add lines.
 *
 * Errors: `SpecError` for what is not a name or an address. A root of your own (`root("./rootfs")`)
 * must have an `/etc/hosts`, for nothing is created on a filesystem of the host.
 */
export function hosts(
  names: Readonly<Record<string, string | readonly string[]>>,
  options: HostsOptions = {},
): Plugin {
  const lines = Object.entries(names).flatMap(([name, addresses]) => {
    checkName(name, `hosts["${name}"]`);
    return [addresses].flat().map((address) => {
      checkAddress(address, `hosts["${name}"]`);
      return `${address}\t${name}\n`;
    });
  });
  checkKeys(options, "hosts", ["nameservers", "search"]);
  const { nameservers = [], search = [] } = options;
  if (search.length > 0 && nameservers.length === 0) {
    throw new SpecError("hosts.search", "a search list needs nameservers");
  }
  nameservers.forEach((address, index) => checkAddress(address, `hosts.nameservers[${index}]`));
  search.forEach((name, index) => checkName(name, `hosts.search[${index}]`));
  const resolver = (search.length === 0 ? "" : `search ${search.join(" ")}\n`) +
    nameservers.map((address) => `nameserver ${address}\n`).join("");

  return defineHook({
    name: "hosts",
    configure(spec) {
      const own = spec.hostname === undefined ? "" : ` ${spec.hostname}`;
      const contents = `127.0.0.1\tlocalhost${own}\n::1\tlocalhost${own}\n${lines.join("")}`;
      const mounts: MountSpec[] = [{ kind: "file", target: "/etc/hosts", contents }];
      if (resolver !== "") {
        mounts.push({ kind: "file", target: "/etc/resolv.conf", contents: resolver });
      }
      return { ...spec, mounts: [...spec.mounts, ...mounts] };
    },
  });
}

function checkName(name: string, field: string): void {
  if (!/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name) || name.length > 253) {
    throw new SpecError(field, `"${name}" is not a host name`);
  }
}

const BYTE = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

function checkAddress(address: string, field: string): void {
  const isAddress = IPV4.test(address) ||
    (/^[0-9A-Fa-f:.]+$/.test(address) && URL.canParse(`http://[${address}]/`));
  if (!isAddress) throw new SpecError(field, `"${address}" is not an IPv4 or IPv6 address`);
}
