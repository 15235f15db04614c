import type { Encoder } from './encoders/encoder.js';
import type { Model } from './model.js';
import type { PopularitySampler } from './sampler.js';
import type { Tower } from './types.js';

/** What probes of events need to score them before they are learned. */
export interface ScoringParts {
  readonly model: Model;
  readonly tower: Tower;
  readonly encoder: Encoder;
  readonly sampler: PopularitySampler;
}

/**
 * What became of events that a probing has planned to look at, once their queries are made: (examples, d) of the batch
 * that it put them into. Several probings share a batch, so that encoder and tower run once for all.
 */
export type Outcome<T> = (query: Float32Array) => T;
