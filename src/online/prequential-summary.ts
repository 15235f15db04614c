import type { PrequentialSample } from './types.js';

/** Means over ranks. */
export interface RankMeans {
  /** Share of true items among the first ten. */
  readonly hr10: number;
  /** Mean of 1 / log2(rank + 2) within the first ten, else 0; rank from 0. */
  readonly ndcg10: number;
}

/** Means over samples. */
export interface PrequentialMeans extends RankMeans {
  readonly samples: number;
  /** Mean of 1 / (rank + 1). */
  readonly mrr: number;
  readonly popularityHr10: number;
  readonly popularityNdcg10: number;
  readonly logLoss: number;
  readonly auc: number;
  /** Of the samples that were looked at without transfer too; see PrequentialSample. */
  readonly transfer: TransferMeans;
  /** Of the rivals, in their order. */
  readonly rivals: readonly RankMeans[];
}

/** The same events by all that is known of their users, and by what they did in the events' domain alone. */
export interface TransferMeans {
  readonly samples: number;
  readonly hr10: number;
  readonly apartHr10: number;
}

export type HistoryBucket = PrequentialSample['bucket'];

/** Buckets by events that the user had in the target domain, fewest first. */
export const HISTORY_BUCKETS: readonly HistoryBucket[] = ['0', '1-4', '5-19', '20+'];

/** The bucket of so many events. */
export function bucketOf(count: number): HistoryBucket {
  if (count === 0) return '0';
  if (count < 5) return '1-4';
  return count < 20 ? '5-19' : '20+';
}

class Sums {
  samples = 0;
  private hits = 0;
  private gain = 0;
  private reciprocal = 0;
  private popularHits = 0;
  private popularGain = 0;
  private logLoss = 0;
  private auc = 0;
  private transferSamples = 0;
  private transferHits = 0;
  private apartHits = 0;
  private readonly rivalHits: number[] = [];
  private readonly rivalGain: number[] = [];

  add(sample: PrequentialSample): void {
    this.samples++;
    this.hits += sample.rank < 10 ? 1 : 0;
    this.gain += gainOf(sample.rank);
    this.reciprocal += 1 / (sample.rank + 1);
    this.popularHits += sample.popularityRank < 10 ? 1 : 0;
    this.popularGain += gainOf(sample.popularityRank);
    this.logLoss += sample.logLoss;
    this.auc += sample.auc;
    if (sample.apartRank !== undefined) {
      this.transferSamples++;
      this.transferHits += sample.rank < 10 ? 1 : 0;
      this.apartHits += sample.apartRank < 10 ? 1 : 0;
    }
    for (const [i, rank] of sample.rivals?.entries() ?? []) {
      this.rivalHits[i] = (this.rivalHits[i] ?? 0) + (rank < 10 ? 1 : 0);
      this.rivalGain[i] = (this.rivalGain[i] ?? 0) + gainOf(rank);
    }
  }

  means(): PrequentialMeans {
    const n = Math.max(1, this.samples);
    return {
      samples: this.samples,
      hr10: this.hits / n,
      ndcg10: this.gain / n,
      mrr: this.reciprocal / n,
      popularityHr10: this.popularHits / n,
      popularityNdcg10: this.popularGain / n,
      logLoss: this.logLoss / n,
      auc: this.auc / n,
      transfer: {
        samples: this.transferSamples,
        hr10: this.transferHits / Math.max(1, this.transferSamples),
        apartHr10: this.apartHits / Math.max(1, this.transferSamples),
      },
      rivals: this.rivalHits.map((hits, i) => ({
        hr10: hits / n,
        ndcg10: this.rivalGain[i]! / n,
      })),
    };
  }
}

function gainOf(rank: number): number {
  return rank < 10 ? 1 / Math.log2(rank + 2) : 0;
}

/** Adds samples up by domain and by own-history bucket. */
export class PrequentialSummary {
  private readonly domains = new Map<string, Map<HistoryBucket, Sums>>();
  private readonly totals = new Map<string, Sums>();
  private readonly all = new Sums();
  private readonly buckets = new Map<HistoryBucket, Sums>();
  private readonly items = new Map<HistoryBucket, Sums>();

  add(sample: PrequentialSample): void {
    this.all.add(sample);
    sumsOf(this.buckets, sample.bucket).add(sample);
    sumsOf(this.items, sample.itemBucket).add(sample);
    sumsOf(this.totals, sample.domain).add(sample);
    let buckets = this.domains.get(sample.domain);
    if (buckets === undefined) {
      buckets = new Map();
      this.domains.set(sample.domain, buckets);
    }
    sumsOf(buckets, sample.bucket).add(sample);
  }

  /** Means over all samples. */
  total(): PrequentialMeans {
    return this.all.means();
  }

  /** Means by bucket that has samples, over all domains. */
  byHistory(): (PrequentialMeans & { readonly bucket: HistoryBucket })[] {
    return meansByBucket(this.buckets);
  }

  /** Means by the item's bucket that has samples, over all domains. */
  byItem(): (PrequentialMeans & { readonly bucket: HistoryBucket })[] {
    return meansByBucket(this.items);
  }

  /** Means by domain, sorted by name. */
  byDomain(): (PrequentialMeans & { readonly domain: string })[] {
    return [...this.totals]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([domain, sums]) => ({ domain, ...sums.means() }));
  }

  /** Means by domain and bucket that have samples, sorted by name, then by history. */
  byBucket(): (PrequentialMeans & { readonly domain: string; readonly bucket: HistoryBucket })[] {
    return [...this.domains]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([domain, buckets]) =>
        meansByBucket(buckets).map((means) => ({ domain, ...means })),
      );
  }
}

function sumsOf<K>(sums: Map<K, Sums>, key: K): Sums {
  let found = sums.get(key);
  if (found === undefined) {
    found = new Sums();
    sums.set(key, found);
  }
  return found;
}

function meansByBucket(
  buckets: ReadonlyMap<HistoryBucket, Sums>,
): (PrequentialMeans & { readonly bucket: HistoryBucket })[] {
  return HISTORY_BUCKETS.flatMap((bucket) => {
    const sums = buckets.get(bucket);
    return sums === undefined ? [] : [{ bucket, ...sums.means() }];
  });
}
