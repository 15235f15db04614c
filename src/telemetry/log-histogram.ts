/** Upper bound of bucket k is LOWEST * GROWTH^k. */
const LOWEST = 0.0005;
const GROWTH = 1.05;
/** Up to 0.5 ms * 1.05^256 = 133 s; what is longer counts as that. */
const BUCKETS = 257;
const PER_LOG = 1 / Math.log(GROWTH);

/**
 * Counts of durations in seconds, in buckets that grow by 5 %: a quantile is off by 2.5 % at most
 * (above half a millisecond), and memory is bounded whatever comes in (1 KB).
 */
export class LogHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(seconds: number): void {
    this.#counts[bucketOf(seconds)]!++;
    this.#total++;
  }

  /** Adds all that the other has. */
  merge(other: LogHistogram): void {
    for (let k = 0; k < BUCKETS; k++) this.#counts[k]! += other.#counts[k]!;
    this.#total += other.#total;
  }

  clear(): void {
    if (this.#total === 0) return;
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The duration below which the share `q` of all lies; NaN where there are none. */
  quantile(q: number): number {
    const wanted = Math.max(1, Math.ceil(q * this.#total));
    let passed = 0;
    for (let k = 0; k < BUCKETS; k++) {
      passed += this.#counts[k]!;
      if (passed >= wanted && this.#total > 0) return LOWEST * GROWTH ** (k === 0 ? 0 : k - 0.5);
    }
    return Number.NaN;
  }
}

function bucketOf(seconds: number): number {
  if (!(seconds > LOWEST)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(seconds / LOWEST) * PER_LOG));
}
