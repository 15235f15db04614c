import { CODES, KINDS, MOST_OF_A_KIND, PLACES } from './sparse.js';

/**
 * In how many items each feature is: whole numbers that follow from what is stored and from nothing before, so they
 * are the same in whatever order that came, and no part of hashes and snapshots.
 */
export class Frequencies {
  /** Grows by one with every change. */
  revision = 0;
  /** By kind: items that have any. */
  readonly items = new Int32Array(KINDS);
  /** By kind and feature: items that have it. Made when the first one has one. */
  counts = new Int32Array(0);

  /** Whether no item has any feature. */
  get isEmpty(): boolean {
    for (let kind = 0; kind < KINDS; kind++) if (this.items[kind] !== 0) return false;
    return true;
  }

  /** Counts the features of a slot in, or (-1) out. */
  count(features: Uint16Array, slot: number, sign: 1 | -1): void {
    this.revision++;
    if (this.counts.length === 0) this.counts = new Int32Array(KINDS * CODES);
    for (let kind = 0; kind < KINDS; kind++) {
      const from = slot * PLACES + kind * MOST_OF_A_KIND;
      let any = 0;
      for (let at = from; at < from + MOST_OF_A_KIND; at++) {
        const code = features[at]!;
        if (code === 0) continue;
        any = 1;
        this.counts[kind * CODES + code]! += sign;
      }
      this.items[kind]! += sign * any;
    }
  }

  clear(): void {
    this.revision++;
    this.counts.fill(0);
    this.items.fill(0);
  }
}
