import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** After this time the last error is thrown. */
  readonly budgetMs: number;
  readonly initialMs?: number;
  readonly maxMs?: number;
  readonly retriable: (error: unknown) => boolean;
  /** Called before each new try, for instance to look for another coordinator. */
  readonly onRetry?: (error: unknown, tries: number) => Promise<void> | void;
}

/** Returns a waiting time around `ms`, so that many clients do not come back at once. */
export function jittered(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random());
}

/**
 * Returns what `action` returns, tried again with waits of 10, 15, 22, ... 200 ms while its errors
 * are retriable and the budget lasts.
 */
export async function retrying<T>(options: RetryOptions, action: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + options.budgetMs;
  let waitMs = options.initialMs ?? 10;
  for (let tries = 1; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (!options.retriable(error) || performance.now() + waitMs > deadline) throw error;
      await sleep(jittered(waitMs));
      waitMs = Math.min(waitMs * 1.5, options.maxMs ?? 200);
      await options.onRetry?.(error, tries);
    }
  }
}
