import type { LogRecord } from './transport.js';

/** Tells records of one partition that come for the first time from those that are delivered again. */
export class Unseen {
  #next: bigint;

  /** @param from The first offset that is wanted. */
  constructor(from: bigint) {
    this.#next = from;
  }

  /** The records that were not there before, in their order. */
  of(records: readonly LogRecord[]): readonly LogRecord[] {
    const fresh = records.filter(({ offset }) => offset >= this.#next);
    const last = fresh.at(-1);
    if (last !== undefined) this.#next = last.offset + 1n;
    return fresh;
  }
}
