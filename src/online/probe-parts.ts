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
