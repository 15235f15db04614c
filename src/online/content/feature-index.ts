import type { Frequencies } from './frequencies.js';
import { CODES, KINDS, MOST_OF_A_KIND } from './sparse.js';
import type { ContentStore } from './store.js';

/** Of the items of one domain: which have a feature. */
export interface Postings {
  /** (features + 1) Where those of each feature begin. */
  readonly starts: Int32Array;
  /** Twice the numbers of items in the domain, from 0 (`FeatureIndex.numbers`). */
  readonly items: Int32Array;
  /** By item and kind: 1 / |x_j|. */
  readonly scales: Float32Array;
  /** Items of the domain. */
  readonly size: number;
}

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
  /** Features as numbers from 0 without gaps, categories before words. */
  features = new Int32Array(0);
  /** By slot and kind: 1 / |x_j|, with the features that no other item has; 0 where there are none. */
  scales = new Float32Array(0);
  /** By feature: r_f². */
  squares = new Float64Array(0);
  /** Features that more than one item has, and those of them that are categories. */
  size = 0;
  categories = 0;
  /** By slot: its number in its domain, once that has postings. */
  numbers = new Int32Array(0);
  private revision = -1;
  private readonly byDomain = new Map<number, Postings>();

  /** Returns the index of what is stored. */
  of(store: ContentStore, frequencies: Frequencies): this {
    if (this.revision !== frequencies.revision) {
      this.byDomain.clear();
      this.build(store, frequencies);
      this.revision = frequencies.revision;
    }
    return this;
  }

  /** Which items of a domain have a feature; `slots` are its slots. */
  postingsOf(domain: number, slots: ReadonlySet<number>): Postings {
    const known = this.byDomain.get(domain);
    if (known !== undefined) return known;
    const { starts: from, features, numbers } = this;
    // Two places on, so that filling them leaves each where it belongs.
    const starts = new Int32Array(this.size + 2);
    let entries = 0;
    let size = 0;
    for (const slot of slots) {
      numbers[slot] = size++;
      const end = from[(slot + 1) * KINDS]!;
      for (let at = from[slot * KINDS]!; at < end; at++) starts[features[at]! + 2]!++;
      entries += end - from[slot * KINDS]!;
    }
    for (let f = 2; f < starts.length; f++) starts[f]! += starts[f - 1]!;
    const items = new Int32Array(entries);
    const scales = new Float32Array(size * KINDS);
    for (const slot of slots) {
      const item = numbers[slot]! * KINDS;
      for (let kind = 0; kind < KINDS; kind++) {
        scales[item + kind] = this.scales[slot * KINDS + kind]!;
      }
      const end = from[(slot + 1) * KINDS]!;
      for (let at = from[slot * KINDS]!; at < end; at++) {
        items[starts[features[at]! + 1]!++] = item;
      }
    }
    const made = { starts, items, scales, size };
    this.byDomain.set(domain, made);
    return made;
  }

  private build({ slots, features }: ContentStore, { counts, items }: Frequencies): void {
    const squares = new Float64Array(counts.length);
    // By kind and feature: 1 + number; 0: nobody else has it.
    const numbers = new Int32Array(counts.length);
    let entries = 0;
    this.size = 0;
    for (let at = 0; at < counts.length; at++) {
      if (at === CODES) this.categories = this.size;
      const n = counts[at]!;
      if (n > 0) squares[at] = Math.log1p(items[at < CODES ? 0 : 1]! / n) ** 2;
      if (!(n > 1)) continue;
      numbers[at] = ++this.size;
      entries += n;
    }
    this.squares = new Float64Array(this.size);
    for (let at = 0; at < counts.length; at++) {
      if (numbers[at]! > 0) this.squares[numbers[at]! - 1] = squares[at]!;
    }
    this.reserve(slots, entries);
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

  private reserve(slots: number, entries: number): void {
    if (this.numbers.length < slots) {
      const room = Math.ceil(slots * 1.25);
      this.numbers = new Int32Array(room);
      this.starts = new Int32Array(room * KINDS + 1);
      this.scales = new Float32Array(room * KINDS);
    }
    if (this.features.length < entries) this.features = new Int32Array(Math.ceil(entries * 1.25));
  }
}
