import type { Model } from '../model.js';
import { newestLiked, type TimedHistory } from '../stacking/newest.js';
import type { FeatureIndex, Postings } from './feature-index.js';
import { KINDS } from './sparse.js';

/** A user's newest liked items that others are compared with ... */
const NEWEST = 10;
/** ... each of which counts so much of the next newer one. */
const FADE = 0.7;
const FADED = Float64Array.from({ length: NEWEST }, (_, k) => FADE ** k);
/** For one kind alone. */
const CATEGORIES: LikenessWeights = { categories: 1, words: 0 };
const WORDS: LikenessWeights = { categories: 0, words: 1 };
/** The profile is kept in whole numbers of this, so that sums are the same in whatever order: |x| is below 2^7. */
const UNIT = 2 ** -22;
/** Of so many rows and more it may pay to look at the items that have a feature in place of the features of items ... */
const MANY = 256;
/** ... if these are not so many times as many. */
const MOST_PER_ROW = 16;

/** What likeness weighs in a score, by kind. */
export interface LikenessWeights {
  readonly categories: number;
  readonly words: number;
}

/**
 * How like what a user liked last an item is by what the catalogue says, feature by feature, the rarer ones counting
 * more. With x_j the features of a kind (categories; words: sparse.ts) of item j, each as large as it is rare
 * (feature-index.ts), and i_1, i_2 ... the newest 10 items that the user liked, wherever that was,
 *
 *     likeness(j) = Σ_k a_k cos(x_j, x_{i_k}),   a_k = 0.7^(k-1) / Σ 0.7^(k-1)
 *
 * from 0 for nothing in common to 1. Of an item beside itself only what others have, too, is seen. What a `run` found is there until the next one.
 */
export class Likeness {
  private readonly model: Model;
  private index: FeatureIndex;
  /** By feature: Σ_k a_k r² / |x_{i_k}| over the i_k that have it, in units. */
  private profile = new Int32Array(0);
  /** i_1, i_2 ... */
  private liked: readonly number[] = [];
  /** a_1, a_2 ... */
  private readonly shares = new Float64Array(NEWEST);
  /** Features that it has, each once. */
  private readonly touched: number[] = [];
  /** By item of a domain and kind: sums over its features, in units. */
  private sums = new Int32Array(0);
  /** By item of a domain: what is added to its score. */
  private added = new Float64Array(0);

  constructor(model: Model) {
    this.model = model;
    this.index = model.content.index;
  }

  /** Whether there is anything that items could be compared by. */
  get isPossible(): boolean {
    const { frequencies, mode } = this.model.content;
    return !frequencies.isEmpty && mode !== 'collaborative';
  }

  /** Whether the user of the run at hand liked anything that items can be compared with. */
  get isOn(): boolean {
    return this.touched.length > 0;
  }

  run(histories: readonly TimedHistory[]): void {
    const { touched } = this;
    for (let i = 0; i < touched.length; i++) this.profile[touched[i]!] = 0;
    touched.length = 0;
    if (!this.isPossible) return;
    this.index = this.model.content.index;
    if (this.profile.length < this.index.size) {
      this.profile = new Int32Array(Math.ceil(this.index.size * 1.25));
    }
    this.liked = newestLiked(histories, NEWEST);
    const { liked, shares } = this;
    let total = 0;
    for (let k = 0; k < liked.length; k++) total += FADED[k]!;
    for (let k = 0; k < liked.length; k++) {
      shares[k] = FADED[k]! / total;
      this.take(liked[k]!, shares[k]!);
    }
  }

  /** Writes the likeness of n rows of a domain by categories, from 0 to 1, and by words. */
  byKind(
    rows: ArrayLike<number>,
    n: number,
    domain: number,
    categories: Float64Array,
    words: Float64Array,
  ): void {
    this.addTo(categories.fill(0), rows, n, domain, CATEGORIES);
    this.addTo(words.fill(0), rows, n, domain, WORDS);
  }

  /** Adds what the likeness of each of n rows of a domain weighs to its score; returns what that is at the most. */
  addTo(
    scores: Float64Array | Float32Array,
    rows: ArrayLike<number>,
    n: number,
    domain: number,
    weights: LikenessWeights,
  ): number {
    const categories = weights.categories * UNIT;
    const words = weights.words * UNIT;
    const postings = n < MANY ? null : this.model.content.postingsOf(domain);
    if (postings === null || this.entriesOf(postings) > n * MOST_PER_ROW) {
      return this.gather(scores, rows, n, categories, words);
    }
    const most = this.spread(postings, categories, words);
    const { added } = this;
    const { numbers } = this.index;
    const { store } = this.model.content;
    for (let i = 0; i < n; i++) {
      const slot = store.slotOf(rows[i]!);
      if (slot >= 0) scores[i]! += added[numbers[slot]!]!;
    }
    return most;
  }

  /**
   * Adds to parts[i] what each of n items that the user touched, each once, brings to that: nothing, if it is not
   * among those that are compared with.
   */
  addParts(
    parts: Float64Array,
    touched: ArrayLike<number>,
    n: number,
    row: number,
    { categories, words }: LikenessWeights,
  ): void {
    const { liked, shares } = this;
    for (let k = 0; k < liked.length; k++) {
      for (let i = 0; i < n; i++) {
        if (touched[i] !== liked[k]) continue;
        const cosines =
          categories * this.cosine(row, liked[k]!, 0) + words * this.cosine(row, liked[k]!, 1);
        parts[i]! += shares[k]! * cosines;
        break;
      }
    }
  }

  /** cos(x_i, x_j) of a kind. */
  private cosine(i: number, j: number, kind: number): number {
    const { starts, features, scales, squares } = this.index;
    const { store } = this.model.content;
    const a = store.slotOf(i) * KINDS + kind;
    const b = store.slotOf(j) * KINDS + kind;
    if (a < 0 || b < 0) return 0;
    let product = 0;
    for (let x = starts[a]!; x < starts[a + 1]!; x++) {
      for (let y = starts[b]!; y < starts[b + 1]!; y++) {
        if (features[x] === features[y]) product += squares[features[x]!]!;
      }
    }
    return product * scales[a]! * scales[b]!;
  }

  /** As `addTo`, by the features of each row. */
  private gather(
    scores: Float64Array | Float32Array,
    rows: ArrayLike<number>,
    n: number,
    categories: number,
    words: number,
  ): number {
    const { profile } = this;
    const { starts, features, scales } = this.index;
    const { store } = this.model.content;
    let most = 0;
    for (let i = 0; i < n; i++) {
      const list = store.slotOf(rows[i]!) * KINDS;
      if (list < 0) continue;
      const middle = starts[list + 1]!;
      const to = starts[list + 2]!;
      let at = starts[list]!;
      let byCategories = 0;
      for (; at < middle; at++) byCategories += profile[features[at]!]!;
      let byWords = 0;
      for (; at < to; at++) byWords += profile[features[at]!]!;
      const added = categories * byCategories * scales[list]! + words * byWords * scales[list + 1]!;
      scores[i]! += added;
      if (added > most) most = added;
    }
    return most;
  }

  /** Fills `added` for all items of a domain, by which of them have what is in the profile; returns the most of it. */
  private spread(
    { starts, items, scales, size }: Postings,
    categories: number,
    words: number,
  ): number {
    const { touched, profile, index } = this;
    if (this.added.length < size) {
      this.added = new Float64Array(Math.ceil(size * 1.25));
      this.sums = new Int32Array(this.added.length * KINDS);
    }
    const { sums, added } = this;
    sums.fill(0, 0, size * KINDS);
    for (let i = 0; i < touched.length; i++) {
      const feature = touched[i]!;
      const value = profile[feature]!;
      const kind = feature < index.categories ? 0 : 1;
      const to = starts[feature + 1]!;
      for (let at = starts[feature]!; at < to; at++) sums[items[at]! + kind]! += value;
    }
    let most = 0;
    for (let item = 0, list = 0; item < size; item++, list += KINDS) {
      const value =
        categories * sums[list]! * scales[list]! + words * sums[list + 1]! * scales[list + 1]!;
      added[item] = value;
      if (value > most) most = value;
    }
    return most;
  }

  /** Entries that `spread` looks at. */
  private entriesOf({ starts, size }: Postings): number {
    const { touched } = this;
    let entries = size;
    for (let i = 0; i < touched.length; i++) {
      const feature = touched[i]!;
      entries += starts[feature + 1]! - starts[feature]!;
    }
    return entries;
  }

  /** Adds an item of the user's to the profile. */
  private take(row: number, weight: number): void {
    const slot = this.model.content.store.slotOf(row);
    if (slot < 0) return;
    const { profile, touched } = this;
    const { starts, features, scales, squares } = this.index;
    for (let list = slot * KINDS; list < (slot + 1) * KINDS; list++) {
      const share = (weight * scales[list]!) / UNIT;
      for (let at = starts[list]!; at < starts[list + 1]!; at++) {
        const feature = features[at]!;
        const value = Math.round(share * squares[feature]!);
        if (profile[feature] === 0 && value !== 0) touched.push(feature);
        profile[feature]! += value;
      }
    }
  }
}
