/**
 * Runs a task of `worker_tasks.ts` on a thread of its own, which ends with it: what a thread did
 * to its namespaces and privileges is undone by nothing else.
 */
export async function inWorker(task: string): Promise<void> {
  const url = new URL("./worker_tasks.ts", import.meta.url).href;
  const worker = new Worker(url, { type: "module", name: task });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }) => data === "" ? resolve() : reject(new Error(data));
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}
