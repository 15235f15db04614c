import type { PrequentialMeans, RankMeans } from '../online/prequential-summary.js';

/** How well true items were ranked, by ours, by popularity and by the baselines. */
export interface Figures extends RankMeans {
  readonly popularityHr10: number;
  readonly popularityNdcg10: number;
  /**
   * Of those events, one in four, whose users had been in other domains: HR@10 by all that is known and
   * by what they did in the events' domain alone. Left out where there are none.
   */
  readonly transfer?: {
    readonly events: number;
    readonly hr10: number;
    readonly apartHr10: number;
  };
  /** By name; only where some were asked for. */
  readonly baselines?: Readonly<Record<string, RankMeans>>;
}

/** The figures that are told of means; `names` are the baselines', in the order of the ranks. */
export function figuresOf(means: PrequentialMeans, names: readonly string[]): Figures {
  const { hr10, ndcg10, popularityHr10, popularityNdcg10, rivals } = means;
  const { samples: events, ...both } = means.transfer;
  const baselines = Object.fromEntries(
    names.map((name, i) => [name, rivals[i] ?? { hr10: 0, ndcg10: 0 }]),
  );
  const transfer = events === 0 ? {} : { transfer: { events, ...both } };
  const figures = { hr10, ndcg10, popularityHr10, popularityNdcg10, ...transfer };
  return names.length === 0 ? figures : { ...figures, baselines };
}

/**
 * Returns a value of the same shape as each of `values`, with every number in it put together by
 * `combine`: means and deviations of several passes. What is no number is taken from the first.
 */
export function combined(
  values: readonly unknown[],
  combine: (numbers: readonly number[]) => number,
): unknown {
  const [first] = values;
  if (typeof first === 'number') return combine(values as readonly number[]);
  if (Array.isArray(first)) {
    return first.map((_, i) =>
      combined(
        values.map((value) => (value as unknown[])[i]),
        combine,
      ),
    );
  }
  if (typeof first !== 'object' || first === null) return first;
  return Object.fromEntries(
    Object.keys(first).map((key) => [
      key,
      combined(
        values.map((value) => (value as Record<string, unknown>)[key]),
        combine,
      ),
    ]),
  );
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

/** Of a sample: the root of Σ (x - mean)² / (n - 1); 0 of a single number. */
export function deviation(numbers: readonly number[]): number {
  const middle = mean(numbers);
  const squares = numbers.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, numbers.length - 1));
}
