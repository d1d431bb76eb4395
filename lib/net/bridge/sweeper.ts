/**
 * Removes bridges after the last sandbox of this program: a moment later, for another one may
 * follow, or when the program ends. What a killed program left is removed by the next one.
 *
 * @module
 */

import { deleteLink, findLink } from "../link.ts";
import { Netlink } from "../netlink.ts";
import { sweepBridges } from "./sweep_bridges.ts";

const LINGER_MILLISECONDS = 500;
/** The kernel removes an ended sandbox's devices in its own time. */
const MOST_SWEEPS = 20;

const used = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;
let listening = false;

/** A sandbox of this program uses a bridge by this device of the host. */
export function useBridge(link: string): void {
  if (timer !== undefined) clearTimeout(timer);
  timer = undefined;
  used.add(link);
  if (listening) return;
  listening = true;
  addEventListener("unload", sweepNow);
}

/** That sandbox has ended. */
export function leaveBridge(link: string): void {
  used.delete(link);
  gone.add(link);
  if (used.size === 0) schedule(0);
}

const gone = new Set<string>();

function schedule(count: number): void {
  timer = setTimeout(() => {
    timer = undefined;
    using netlink = Netlink.open();
    for (const link of gone) if (findLink(netlink, link) === undefined) gone.delete(link);
    sweepBridges(netlink);
    if (gone.size > 0 && count < MOST_SWEEPS) schedule(count + 1);
  }, LINGER_MILLISECONDS);
  // The program need not wait for it: its end does the same.
  Deno.unrefTimer(timer as unknown as number);
}

/** At the program's end its sandboxes end too, so their devices can go at once. */
function sweepNow(): void {
  try {
    using netlink = Netlink.open();
    for (const link of [...used, ...gone]) {
      if (findLink(netlink, link) !== undefined) deleteLink(netlink, link);
    }
    sweepBridges(netlink);
  } catch {
    // There is nobody left to tell; the next use, or a repair, does it again.
  }
}
