/**
 * The program that `user_namespace.ts` starts: does what its argument says, and writes replies, one
 * JSON a line.
 *
 * @module
 */

import { ArchiveError, ImageError } from "../../errors.ts";
import type { ChangesInit } from "../changes.ts";
import { O_CREAT, O_DIRECTORY, O_TRUNC, O_WRONLY } from "../../sys/abi/fcntl.ts";
import { open, writeAll } from "../../sys/file.ts";
import type { ImportRequest } from "../import.ts";
import type { ImageRecord } from "../store/record.ts";
import type { WorkReply, WorkRequest } from "./protocol.ts";
import { SAME_IDS } from "../write_archive.ts";

function reply(line: WorkReply): void {
  writeAll(1, new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

const directory = (path: string) => open(path, { flags: O_DIRECTORY });

async function work(request: WorkRequest): Promise<unknown> {
  switch (request.verb) {
    case "import": {
      const { importImages } = await import("../import.ts");
      let last = 0;
      return await importImages({
        ...request.import as ImportRequest,
        progress: (done, total) => {
          if (done - last < 2 ** 20) return;
          last = done;
          reply({ progress: [done, total] });
        },
      });
    }
    case "remove": {
      const { removeTree } = await import("../tree/remove_tree.ts");
      for (const path of request.paths as string[]) removeTree(path);
      return null;
    }
    case "compare": {
      const { compareChanges } = await import("../changes.ts");
      const init: ChangesInit = {
        upper: request.hasInput ? 0 : directory(request.upper as string),
        lower: (request.lower as string[]).map(directory),
        // In here, ids are the sandbox's.
        ids: { upper: SAME_IDS, lower: SAME_IDS },
        mountPoints: new Set(request.mountPoints as string[]),
      };
      return compareChanges(init);
    }
    case "apply": {
      const { applyChanges } = await import("../apply_changes.ts");
      return applyChanges({
        upper: request.hasInput ? 0 : directory(request.upper as string),
        target: directory(request.target as string),
        ids: SAME_IDS,
        mountPoints: new Set(request.mountPoints as string[]),
      });
    }
    case "commit": {
      const { addLayer } = await import("../import.ts");
      return await addLayer(
        request.store as string,
        request.base as ImageRecord,
        request.layer as string,
        request.name as string,
      );
    }
    case "archive": {
      const { writeArchive } = await import("../write_archive.ts");
      const out = open(request.out as string, { flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644 });
      const root = request.hasInput ? 0 : directory(request.root as string);
      return writeArchive(root, (bytes) => writeAll(out, bytes), {
        ids: SAME_IDS,
        mountPoints: new Set(request.mountPoints as string[]),
      });
    }
  }
}

/** Does what the program's argument says. */
export async function serve(): Promise<void> {
  try {
    reply({ result: await work(JSON.parse(Deno.args[0]!)) ?? null });
  } catch (error) {
    const subject = error instanceof ArchiveError
      ? error.entry
      : error instanceof ImageError
      ? error.image
      : undefined;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    reply({ error: { name, message, subject } });
  }
}
