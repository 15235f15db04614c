import { type BlendOptions, DEFAULT_BLEND_OPTIONS } from './blend/options.js';
import type { ContentMode } from './content/hybrid.js';
import { DEFAULT_DRIFT_OPTIONS, type DriftOptions } from './drift/options.js';
import type { Phi } from './tower/phi.js';
import type { CountingOptions } from './wide/counting.js';

/** All settings of the learner. One set for all data; what is measured is in docs/mathematics.md. */
export interface LearnerOptions extends BlendOptions, CountingOptions, DriftOptions {
  /** d, the size of embeddings and interests. */
  readonly dimension: number;
  /** Standard deviation of new embeddings. */
  readonly initialScale: number;
  /** How a history becomes a vector: a name in ENCODERS. */
  readonly encoder: string;
  /** Days of event time after which an entry of a history counts half; 0: it never fades; auto: learned. */
  readonly halfLifeDays: number | 'auto';
  /** p: an entry of weight w counts w^p; 0: all alike. */
  readonly weightExponent: number;
  /** Activation of the interest layer. */
  readonly phi: Phi;
  /** Events that are learned in one step, at most. */
  readonly miniBatch: number;
  /** Negatives that an example is compared with. */
  readonly negatives: number;
  /** Examples of one domain that share their negatives; 1: each has its own. */
  readonly sharing: number;
  /** Negatives are drawn from popularity to this power ... */
  readonly popularityExponent: number;
  /** ... but for this part, which is drawn uniformly. */
  readonly uniformNegatives: number;
  /** Earlier positives of the user's own that are trained again with each event. */
  readonly replay: number;
  /**
   * Probability that an event is trained a second time with the history in its own domain hidden, and
   * that a replayed positive is trained so; only for users who have other domains.
   */
  readonly ownDomainDropout: number;
  /** Probability that an event sees the history in one domain alone. */
  readonly singleSource: number;
  /** Probability that an entry of a history is left out. */
  readonly historyDropout: number;
  /** Step size of embeddings. */
  readonly learningRate: number;
  /** Step size of item biases. */
  readonly biasLearningRate: number;
  /** Step size of W, A and W_r. */
  readonly denseLearningRate: number;
  /** Step size of an encoder's own blocks. */
  readonly encoderLearningRate: number;
  /** Step size of the gate's scalars. */
  readonly gateLearningRate: number;
  /** Step size of the weight of popularity. */
  readonly priorLearningRate: number;
  /** Step size of the learned weights of the blend. */
  readonly stackLearningRate: number;
  /** What the accumulators of embeddings start from. */
  readonly accumulatorStart: number;
  /** Decay of embeddings towards zero, times the root of how often a row is touched. */
  readonly l2: number;
  /** Decay of item biases towards zero, likewise. */
  readonly biasL2: number;
  /** Decay of W, A, W_r, gate and prior towards their initial values, for each example. */
  readonly denseL2: number;
  /** Decay of an encoder's own blocks towards zero, for each example. */
  readonly encoderL2: number;
  /** What the vector of an item with content is made of. */
  readonly mode: ContentMode;
  /** Probability that an item with content is trained, in a mini-batch, by its content alone. */
  readonly contentDropout: number;
  /** Step size of W_c. */
  readonly contentLearningRate: number;
  /** Decay of W_c towards zero, for each example. */
  readonly contentL2: number;
}

export const DEFAULT_LEARNER_OPTIONS: LearnerOptions = Object.freeze({
  dimension: 32,
  initialScale: 0.01,
  encoder: 'mean',
  halfLifeDays: 'auto',
  weightExponent: 1,
  phi: 'identity',
  miniBatch: 128,
  negatives: 20,
  sharing: 16,
  popularityExponent: 0.75,
  uniformNegatives: 0,
  replay: 1,
  ownDomainDropout: 0.75,
  singleSource: 0,
  historyDropout: 0.5,
  learningRate: 0.1,
  biasLearningRate: 0.02,
  denseLearningRate: 0.003,
  encoderLearningRate: 0.003,
  gateLearningRate: 0.02,
  priorLearningRate: 0.003,
  stackLearningRate: 0.2,
  accumulatorStart: 3e-4,
  l2: 0.03,
  biasL2: 0.03,
  denseL2: 0.01,
  encoderL2: 0.001,
  mode: 'hybrid',
  contentDropout: 0.3,
  contentLearningRate: 0.02,
  contentL2: 0.001,
  neighbours: 128,
  pairedItems: 8,
  ...DEFAULT_BLEND_OPTIONS,
  ...DEFAULT_DRIFT_OPTIONS,
});

const STEP_SIZES = [
  'learningRate',
  'biasLearningRate',
  'denseLearningRate',
  'encoderLearningRate',
  'gateLearningRate',
  'priorLearningRate',
  'stackLearningRate',
  'contentLearningRate',
] as const satisfies readonly (keyof LearnerOptions)[];

/**
 * Returns the step sizes that are above their defaults, for people whose learning ran away.
 *
 *     largeStepSizes({ ...DEFAULT_LEARNER_OPTIONS, learningRate: 2 }); // ['learningRate is 2, by default 0.1']
 */
export function largeStepSizes(options: LearnerOptions): string[] {
  return STEP_SIZES.filter((name) => options[name] > DEFAULT_LEARNER_OPTIONS[name]).map(
    (name) => `${name} is ${options[name]}, by default ${DEFAULT_LEARNER_OPTIONS[name]}`,
  );
}
