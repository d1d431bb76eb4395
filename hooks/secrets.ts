/**
 * A plugin that hands secrets to a command as files in memory: they are never on a disk of the
 * host's, in an environment, in arguments, in the description, or in what `--explain` prints.
 *
 * ```ts
 * import { sandbox } from "@paddock/paddock";
 * import { secrets } from "@paddock/paddock/hooks/secrets";
 *
 * const box = sandbox().use(secrets({ token: () => Deno.env.get("API_TOKEN") ?? "none" }));
 * const { stdout } = await box.output(["cat", "/run/secrets/token"]);
 * console.log(new TextDecoder().decode(stdout)); // none
 * ```
 *
 * @module
 */

import { checkKeys, defineHook, type Plugin, SpecError } from "../mod.ts";

/** A secret, or what gets it: it is asked anew for each launch, e.g. of a password store. */
export type Secret =
  | string
  | Uint8Array
  | (() => string | Uint8Array | Promise<string | Uint8Array>);

/** How {@linkcode secrets} shows them. */
export interface SecretsOptions {
  /** The directory inside. Default: `/run/secrets`. */
  target?: string;
  /** Permission bits of the files, in octal. Default: 0400, for the command's user alone. */
  mode?: string | number;
}

/**
 * Makes a file for each secret, in a filesystem in memory of its own, just before the command runs.
 * The command and all that it starts can read them, and nobody else can who is inside as another
 * user. With swap the kernel may write any memory to it, this as well.
 *
 * Errors: `SpecError` for a name that is no file's. What a function throws ends the launch, in an
 * error that names the secret.
 */
export function secrets(
  values: Readonly<Record<string, Secret>>,
  options: SecretsOptions = {},
): Plugin {
  checkKeys(options, "secrets", ["target", "mode"]);
  const { target = "/run/secrets", mode = 0o400 } = options;
  for (const name of Object.keys(values)) {
    if (/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/.test(name)) continue;
    throw new SpecError("secrets", `"${name}" is no name of a file; take letters, digits, . _ -`);
  }
  return defineHook({
    name: "secrets",
    // Not in `configure`: what is added here is in no description that anybody prints or stores.
    async preMount(ctx) {
      const { user } = ctx.spec;
      const owner = user === undefined ? {} : { uid: user.uid, gid: user.gid };
      ctx.addMount({ kind: "tmpfs", target, mode: "0755", size: "8M" });
      for (const [name, value] of Object.entries(values)) {
        const contents = await valueOf(name, value);
        ctx.addMount({ kind: "file", target: `${target}/${name}`, contents, mode, ...owner });
      }
    },
  });
}

async function valueOf(name: string, value: Secret): Promise<string | Uint8Array> {
  if (typeof value !== "function") return value;
  try {
    return await value();
  } catch (cause) {
    throw new Error(`the secret "${name}" cannot be had`, { cause });
  }
}
