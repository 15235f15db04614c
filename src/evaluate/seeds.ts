import type { Evaluation } from './evaluate.js';
import { combined, deviation, mean } from './figures.js';

/** What of an evaluation differs from seed to seed. */
export type SeedFigures = Pick<
  Evaluation,
  'eventsPerSecond' | 'total' | 'domains' | 'history' | 'items' | 'buckets' | 'coldStart'
>;

/** The same stream learned with several seeds. */
export interface SeveralSeeds {
  readonly seeds: readonly number[];
  readonly mean: SeedFigures;
  /** Of a sample (n - 1), in the same places. */
  readonly deviation: SeedFigures;
  /** In the order of the seeds. */
  readonly runs: readonly Evaluation[];
}

/** Puts passes over the same events together; only their seeds may differ. */
export function severalSeeds(seeds: readonly number[], runs: readonly Evaluation[]): SeveralSeeds {
  const figures = runs.map(
    ({ eventsPerSecond, total, domains, history, items, buckets, coldStart }): SeedFigures => ({
      eventsPerSecond,
      ...(total === undefined ? {} : { total }),
      domains,
      history,
      items,
      buckets,
      ...(coldStart === undefined ? {} : { coldStart }),
    }),
  );
  return {
    seeds,
    mean: combined(figures, mean) as SeedFigures,
    deviation: combined(figures, deviation) as SeedFigures,
    runs,
  };
}
