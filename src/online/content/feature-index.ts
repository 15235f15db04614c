import type { Frequencies } from './frequencies.js';
import { CODES, KINDS, MOST_OF_A_KIND } from './sparse.js';
import type { ContentStore } from './store.js';

/**
 * The features of all items, side by side and as far as another item has them too, with what items are compared by:
 *
 *     x_jf = r_f where item j has feature f, else 0,   r_f = log(1 + N / n_f)
 *
 * of N items with features of the kind n_f with this one. Derived from the store; made anew after a change of it, when
 * it is next asked for.
 */
export class FeatureIndex {
  /** By slot and kind, (2 slots + 1): where its features begin. */
  starts = new Int32Array(1);
  /** Numbers of features, from 0, without gaps. */
  features = new Int32Array(0);
  /** By slot and kind: 1 / |x_j|, with the features that no other item has; 0 where there are none. */
  scales = new Float32Array(0);
  /** By feature: r_f². */
  squares = new Float64Array(0);
  /** Features that more than one item has. */
  size = 0;
  private revision = -1;

  /** Returns the index of what is stored. */
  of(store: ContentStore, frequencies: Frequencies): this {
    if (this.revision !== frequencies.revision) {
      this.build(store, frequencies);
      this.revision = frequencies.revision;
    }
    return this;
  }

  private build({ slots, features }: ContentStore, { counts, items }: Frequencies): void {
    const squares = new Float64Array(counts.length);
    for (let at = 0; at < counts.length; at++) {
      const n = counts[at]!;
      if (n > 0) squares[at] = Math.log1p(items[at < CODES ? 0 : 1]! / n) ** 2;
    }
    // By kind and feature: 1 + number; 0: nobody else has it.
    const numbers = new Int32Array(counts.length);
    let entries = 0;
    this.size = 0;
    for (let at = 0; at < counts.length; at++) {
      if (!(counts[at]! > 1)) continue;
      numbers[at] = ++this.size;
      entries += counts[at]!;
    }
    this.squares = new Float64Array(this.size);
    for (let at = 0; at < counts.length; at++) {
      if (numbers[at]! > 0) this.squares[numbers[at]! - 1] = squares[at]!;
    }
    if (this.starts.length <= slots * KINDS) {
      this.starts = new Int32Array(Math.ceil(slots * 1.25) * KINDS + 1);
      this.scales = new Float32Array(this.starts.length - 1);
    }
    if (this.features.length < entries) this.features = new Int32Array(Math.ceil(entries * 1.25));
    let used = 0;
    for (let list = 0; list < slots * KINDS; list++) {
      const kind = list % KINDS;
      const from = list * MOST_OF_A_KIND;
      let length = 0;
      for (let at = from; at < from + MOST_OF_A_KIND; at++) {
        const code = features[at]!;
        if (code === 0) break;
        const place = kind * CODES + code;
        length += squares[place]!;
        if (numbers[place]! > 0) this.features[used++] = numbers[place]! - 1;
      }
      this.starts[list + 1] = used;
      this.scales[list] = length > 0 ? 1 / Math.sqrt(length) : 0;
    }
  }
}
