/**
 * Host programs in network namespaces that stand for hosts, so that the machine's own network is
 * never touched, and what runs in them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Sandbox, SandboxProcess } from "../../../mod.ts";
import { programArguments, text } from "../support.ts";

/**
 * A server on a port that says its name to whoever asks. It prints a line when it is up. It reads all
 * of the question, which may come in two parts: closing with a part unread would be a reset.
 */
export function server(name: string, port: number, address = "0.0.0.0"): string[] {
  const code = `$s=IO::Socket::INET->new(Listen=>64,LocalAddr=>"${address}",LocalPort=>${port},` +
    `ReuseAddr=>1) or die "$@\\n"; $|=1; print "up\\n"; ` +
    `while($c=$s->accept){$r=""; $r.=$b while $r!~/\\r\\n\\r\\n/ && sysread $c,$b,4096; print $c "HTTP/1.0 200 OK\\r\\n\\r\\n${name}\\n"; close $c}`;
  return ["perl", "-MIO::Socket::INET", "-e", code];
}

/** Starts a server in a sandbox; resolves when it listens. */
export async function serve(box: Sandbox, name: string, port: number): Promise<SandboxProcess> {
  const child = await box.spawn(server(name, port), { stdin: "null", stdout: "piped" });
  const reader = child.stdout.getReader();
  assertEquals(text((await reader.read()).value ?? new Uint8Array()), "up\n");
  reader.releaseLock();
  return child;
}

/** A shell function `get HOST PORT`: the server's name, or `none`. */
export const GET =
  `get() { timeout 2 bash -c 'exec 3<>/dev/tcp/$0/$1 && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && tail -n1 <&3' "$1" "$2" 2>/dev/null || echo none; }\n`;

/** What a sandbox gets from a server. */
export async function getFrom(box: Sandbox, host: string, port: number): Promise<string> {
  const { stdout } = await box.output(["bash", "-c", `${GET} get ${host} ${port}`]);
  return text(stdout).trim();
}

/** What this program gets from a server. */
export async function get(host: string, port: number): Promise<string> {
  try {
    using connection = await Deno.connect({ hostname: host, port });
    await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    const answer = await new Response(connection.readable).text();
    return answer.trim().split("\n").at(-1)!;
  } catch {
    return "none";
  }
}

const IMPORTS = `import * as host from ${JSON.stringify(import.meta.url)};
import { assert, assertEquals, assertRejects } from "@std/assert";
const text = (bytes) => new TextDecoder().decode(bytes);
`;

/** How to start a host program in a network namespace of its own. Needs root. */
export function hostCommand(source: string): Deno.Command {
  const words = [Deno.execPath(), ...programArguments(IMPORTS + source)];
  return new Deno.Command("unshare", {
    args: ["-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a host program in a network namespace of its own; it must succeed. */
export async function onHost(source: string): Promise<string> {
  const { code, stdout, stderr } = await hostCommand(source).output();
  assertEquals({ code, stderr: text(stderr) }, { code: 0, stderr: "" });
  return text(stdout);
}

/** Deno's arguments for a host program of these lines, started by another one. */
export function program(source: string): string[] {
  return programArguments(IMPORTS + source);
}
