/**
 * The n best of a stream of scored candidates, in O(log n) for one that gets in and O(1) for one that
 * does not: a binary heap with the worst kept at its root.
 *
 * Candidates come with rising index; of equal scores the lower index is better. So one that only
 * equals the worst never gets in.
 */
export class TopN {
  private limit = 0;
  private floor = Number.NEGATIVE_INFINITY;
  private size = 0;
  private readonly indices: number[] = [];
  private readonly scores: number[] = [];

  constructor(n: number) {
    this.reset(n);
  }

  /** Starts afresh for n, of which each has to score above a floor. */
  reset(n: number, floor = Number.NEGATIVE_INFINITY): void {
    this.limit = n;
    this.floor = floor;
    this.size = 0;
  }

  /** Only a score above this gets in. */
  get threshold(): number {
    if (this.size < this.limit) return this.floor;
    return this.limit === 0 ? Number.POSITIVE_INFINITY : this.scores[0]!;
  }

  /** Takes a candidate in if it is among the n best so far. */
  push(index: number, score: number): void {
    if (!(score > this.threshold)) return;
    if (this.size < this.limit) {
      this.up(this.size++, index, score);
    } else {
      this.down(index, score, this.size);
    }
  }

  /** The best, best first; the collection is empty afterwards. */
  drain(): { index: number; score: number }[] {
    const sorted = new Array<{ index: number; score: number }>(this.size);
    while (this.size > 0) {
      const worst = { index: this.indices[0]!, score: this.scores[0]! };
      sorted[--this.size] = worst;
      if (this.size > 0) this.down(this.indices[this.size]!, this.scores[this.size]!, this.size);
    }
    return sorted;
  }

  private up(from: number, index: number, score: number): void {
    const { indices, scores } = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!worse(index, score, indices[parent]!, scores[parent]!)) break;
      indices[at] = indices[parent]!;
      scores[at] = scores[parent]!;
      at = parent;
    }
    indices[at] = index;
    scores[at] = score;
  }

  /** Puts a candidate in place of the root, in a heap of `size`. */
  private down(index: number, score: number, size: number): void {
    const { indices, scores } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const right = child + 1;
      if (right < size && worse(indices[right]!, scores[right]!, indices[child]!, scores[child]!)) {
        child = right;
      }
      if (!worse(indices[child]!, scores[child]!, index, score)) break;
      indices[at] = indices[child]!;
      scores[at] = scores[child]!;
      at = child;
    }
    indices[at] = index;
    scores[at] = score;
  }
}

function worse(index: number, score: number, other: number, otherScore: number): boolean {
  return score < otherScore || (score === otherScore && index > other);
}
