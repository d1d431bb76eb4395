/**
 * What the egress tests share: servers outside, on this machine's loopback, and a client inside that
 * sends bytes as they are.
 *
 * @module
 */

import { type Sandbox, sandbox, type SandboxOutput } from "../../../mod.ts";
import { egress, type EgressOptions, egressReport } from "../../../hooks/egress.ts";

/** A server that keeps what it is sent and gives one answer. */
export interface Recorder extends AsyncDisposable {
  readonly port: number;
  /** What each connection sent, as Latin-1. */
  readonly got: string[];
}

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

/** Latin-1 to bytes. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Bytes to Latin-1. */
export function latin(data: Uint8Array): string {
  return Array.from(data, (byte) => String.fromCharCode(byte)).join("");
}

/**
 * A TCP server on a loopback address. It answers when it has something that `complete` says is a
 * whole message, by default anything, and closes.
 */
export function recorder(
  answer: string | ((request: string) => string) = ANSWER,
  { hostname = "127.0.0.1", port = 0, complete = (text: string) => text.length > 0 } = {},
): Recorder {
  const listener = Deno.listen({ hostname, port });
  const got: string[] = [];
  const open = new Set<Deno.Conn>();
  const serve = async (connection: Deno.Conn) => {
    const at = got.push("") - 1;
    open.add(connection);
    try {
      const buffer = new Uint8Array(65536);
      let answered = false;
      for (;;) {
        const count = await connection.read(buffer);
        if (count === null) break;
        got[at] += latin(buffer.subarray(0, count));
        if (answered || !complete(got[at]!)) continue;
        answered = true;
        await connection.write(bytes(typeof answer === "string" ? answer : answer(got[at]!)));
        // Long enough for a second request behind the first one to show up.
        setTimeout(() => {
          try {
            connection.closeWrite().catch(() => {});
          } catch { /* closed */ }
        }, 30);
      }
    } catch {
      /* reset */
    } finally {
      open.delete(connection);
      try {
        connection.close();
      } catch { /* closed */ }
    }
  };
  const accepting = (async () => {
    for (;;) {
      try {
        serve(await listener.accept());
      } catch (error) {
        // A client that was cut at once is an error of its own.
        if (error instanceof Deno.errors.BadResource) return;
      }
    }
  })();
  return {
    port: listener.addr.port,
    got,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await accepting;
    },
  };
}

// Sends a file and prints what comes back, or how it failed.
const CLIENT = `
use strict; use Socket; use IO::Socket::IP; use Errno;
my ($host, $port) = @ARGV; $SIG{PIPE} = "IGNORE"; $| = 1;
my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Proto => "tcp", Timeout => 10, GetAddrInfoFlags => 0)
  or do { print "connect failed: ", ($! + 0 ? $! : $@), "\\n"; exit 1 };
open(my $f, "<:raw", "/request") or die; local $/; my $data = <$f>;
syswrite($s, $data) if length $data;
shutdown($s, 1) if $ENV{HALF};
alarm 15;
while (1) { my $n = sysread($s, my $b, 65536); if (!defined $n) { print "\\n[$!]"; last } last unless $n; print $b }
`;

/** What came back to the client inside, and what was decided. */
export interface Talk {
  readonly answer: string;
  readonly output: SandboxOutput;
  /** `protocol host port verdict` of each decision that is not about a name alone. */
  readonly decisions: string[];
  readonly reasons: string;
}

/** A sandbox under a policy, for whose names this machine's loopback is the internet. */
export function boxed(options: EgressOptions, box: Sandbox = sandbox()): Sandbox {
  return box.timeout("60s").use(egress({ lookup: () => ["127.0.0.1"], ...options }));
}

/** Sends bytes from inside to a host and port, past any proxy, and collects the answer. */
export async function talk(
  options: EgressOptions,
  host: string,
  port: number,
  request: string,
  environment: Record<string, string> = {},
): Promise<Talk> {
  const output = await boxed(options)
    .env(environment)
    .file("/request", bytes(request)).file("/client.pl", CLIENT)
    .output(["perl", "/client.pl", host, String(port)]);
  const report = egressReport(output)!;
  const made = report.decisions.filter(({ protocol }) => protocol !== "dns");
  return {
    answer: latin(output.stdout) + latin(output.stderr),
    output,
    decisions: made.map((it) => `${it.protocol} ${it.host} ${it.port} ${it.verdict}`),
    reasons: report.decisions.map(({ reason }) => reason).join("; "),
  };
}

/**
 * A connection that was cut without a word. Which end notices it first, and how, is a matter of
 * chance: a reset that comes before the client writes leaves nothing to be read.
 */
export const CUT =
  /^\s*(\[Connection reset by peer\]|connect failed: Connection reset by peer)?\s*$/;

/** The same through the proxy. */
export function throughProxy(options: EgressOptions, request: string): Promise<Talk> {
  return talk(options, "127.0.0.1", 3128, request);
}

/** The text of an HTTP request. */
export function httpRequest(target: string, host: string | undefined, ...more: string[]): string {
  const headers = [...(host === undefined ? [] : [`Host: ${host}`]), ...more];
  return `GET ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
}
