import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a slice may keep the event loop. */
const BUDGET_MS = 8;

/** Lets the rest of the process have its turn. */
export async function breathe(): Promise<void> {
  await nextTurn();
}

/**
 * Returns what the generator returns, and gives the event loop a turn every few milliseconds: the
 * stream goes on while a snapshot is made. Rejects with the signal's reason when it is aborted.
 */
export async function sliced<T>(steps: Generator<unknown, T>, signal?: AbortSignal): Promise<T> {
  for (let until = performance.now() + BUDGET_MS; ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await breathe();
    signal?.throwIfAborted();
    until = performance.now() + BUDGET_MS;
  }
}
