import type { Clock } from '../clock.js';
import type { Logger } from '../telemetry/logger.js';

/**
 * The steps of a shutdown: none of them holds it up for longer than it may, none that fails keeps the
 * others from being done, and the log tells what took long.
 */
export class Closing {
  /** By step, in the order of their ends. */
  readonly milliseconds: Record<string, number> = {};
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Fulfilled when the step is done, has failed (which is logged), or has had its time. */
  async step(name: string, withinMs: number, work: () => Promise<void> | undefined): Promise<void> {
    const begin = performance.now();
    const done = new AbortController();
    const late = this.#clock.sleep(withinMs, done.signal).then(() => !done.signal.aborted);
    const worked = Promise.resolve()
      .then(work)
      .catch((error: unknown) => this.#logger.warn('could not be closed', { step: name, error }))
      .then(() => false);
    const isLate = await Promise.race([worked, late]);
    done.abort();
    this.milliseconds[name] = Math.round(performance.now() - begin);
    if (isLate) this.#logger.warn('not closed in time; going on', { step: name, withinMs });
  }
}
