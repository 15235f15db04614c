import { publish } from '../diagnostics.js';

/**
 * How far a process is with the deltas that were committed when it began to read them. Told as
 * `isthmus:restore`, by partition of the delta topic, until all of them have been applied.
 */
export class ModelRestore {
  readonly #app: string;
  readonly #ends: readonly bigint[];
  readonly #open: Set<number>;
  readonly #begin = performance.now();

  /**
   * @param from The offsets at which it begins, by partition.
   * @param ends Up to where the topic was committed, by partition.
   */
  constructor(app: string, from: readonly bigint[], ends: readonly bigint[]) {
    this.#app = app;
    this.#ends = ends;
    this.#open = new Set(ends.keys());
    for (const [partition, offset] of from.entries()) this.reached(partition, offset);
  }

  /** Whether all that was committed is in the model. */
  get done(): boolean {
    return this.#open.size === 0;
  }

  /** All of the partition below `position` has been applied. */
  reached(partition: number, position: bigint): void {
    if (!this.#open.has(partition)) return;
    const end = this.#ends[partition]!;
    const done = position >= end;
    if (done) this.#open.delete(partition);
    const seconds = (performance.now() - this.#begin) / 1000;
    publish('isthmus:restore', {
      app: this.#app,
      partition,
      what: 'model',
      position,
      end,
      seconds,
      done,
    });
  }
}
