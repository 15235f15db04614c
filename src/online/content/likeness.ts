import type { Model } from '../model.js';
import { newestLiked, type TimedHistory } from '../stacking/newest.js';
import type { FeatureIndex } from './feature-index.js';
import { KINDS } from './sparse.js';

/** A user's newest liked items that others are compared with ... */
const NEWEST = 10;
/** ... each of which counts so much of the next newer one. */
const FADE = 0.7;
const FADED = Float64Array.from({ length: NEWEST }, (_, k) => FADE ** k);
/** For one kind alone. */
const LABELS: LikenessWeights = { labels: 1, words: 0 };
const WORDS: LikenessWeights = { labels: 0, words: 1 };

/** What likeness weighs in a score, by kind. */
export interface LikenessWeights {
  readonly labels: number;
  readonly words: number;
}

/**
 * How like what a user liked last an item is by what the catalogue says, feature by feature, the rarer ones counting
 * more. With x_j the features of a kind (labels; words: sparse.ts) of item j, each as large as it is rare
 * (feature-index.ts), and i_1, i_2 ... the newest 10 items that the user liked, wherever that was,
 *
 *     likeness(j) = Σ_k a_k cos(x_j, x_{i_k}),   a_k = 0.7^(k-1) / Σ 0.7^(k-1)
 *
 * from 0 for nothing in common to 1. Of an item beside itself only what others have, too, is seen. What a `run` found is there until the next one.
 */
export class Likeness {
  private readonly model: Model;
  private index: FeatureIndex;
  /** By feature: Σ_k a_k r² / |x_{i_k}| over the i_k that have it. */
  private profile = new Float32Array(0);
  /** Features that it has, some twice. */
  private readonly touched: number[] = [];

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
    const { content } = this.model;
    this.index = content.index.of(content.store, content.frequencies);
    if (this.profile.length < this.index.size) {
      this.profile = new Float32Array(Math.ceil(this.index.size * 1.25));
    }
    const liked = newestLiked(histories, NEWEST);
    let total = 0;
    for (let k = 0; k < liked.length; k++) total += FADED[k]!;
    for (let k = 0; k < liked.length; k++) this.take(liked[k]!, FADED[k]! / total);
  }

  /** Writes the likeness of n rows by labels, from 0 to 1, and by words. */
  byKind(rows: ArrayLike<number>, n: number, labels: Float64Array, words: Float64Array): void {
    this.addTo(labels.fill(0), rows, n, LABELS);
    this.addTo(words.fill(0), rows, n, WORDS);
  }

  /** Adds what the likeness of each of n rows weighs to its score. */
  addTo(
    scores: Float64Array | Float32Array,
    rows: ArrayLike<number>,
    n: number,
    weights: LikenessWeights,
  ): void {
    const { profile } = this;
    const { starts, features, scales } = this.index;
    const { store } = this.model.content;
    const { labels, words } = weights;
    for (let i = 0; i < n; i++) {
      const list = store.slotOf(rows[i]!) * KINDS;
      if (list < 0) continue;
      const middle = starts[list + 1]!;
      const to = starts[list + 2]!;
      let at = starts[list]!;
      let sum = 0;
      for (; at < middle; at++) sum += profile[features[at]!]!;
      let score = labels * scales[list]! * sum;
      sum = 0;
      for (; at < to; at++) sum += profile[features[at]!]!;
      score += words * scales[list + 1]! * sum;
      scores[i]! += score;
    }
  }

  /** Adds an item of the user's to the profile. */
  private take(row: number, weight: number): void {
    const slot = this.model.content.store.slotOf(row);
    if (slot < 0) return;
    const { profile, touched } = this;
    const { starts, features, scales, squares } = this.index;
    for (let list = slot * KINDS; list < (slot + 1) * KINDS; list++) {
      const share = weight * scales[list]!;
      for (let at = starts[list]!; at < starts[list + 1]!; at++) {
        const feature = features[at]!;
        profile[feature]! += share * squares[feature]!;
        touched.push(feature);
      }
    }
  }
}
