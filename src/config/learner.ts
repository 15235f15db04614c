import { ENCODERS } from '../online/encoders/index.js';
import { DEFAULT_LEARNER_OPTIONS, type LearnerOptions } from '../online/options.js';
import { choice, number, numberOr, type Setting, text, whole } from './setting.js';

/** The learner's options that have rows of their own; the mini-batch is a setting of the stream. */
type Tunable = Omit<LearnerOptions, 'miniBatch'>;

type Rows<T> = { readonly [K in keyof T]: Setting<T[K]> };

/** `ownDomainDropout` -> `ISTHMUS_LEARNER_OWN_DOMAIN_DROPOUT` */
export function learnerEnv(option: string): string {
  return `ISTHMUS_LEARNER_${option.replaceAll(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;
}

type Numeric = {
  [K in keyof Tunable]: Tunable[K] extends number ? K : never;
}[keyof Tunable];

function row(option: Numeric, description: string) {
  return { env: learnerEnv(option), description, fallback: DEFAULT_LEARNER_OPTIONS[option] };
}

function count(option: Numeric, min: number, max: number, description: string): Setting<number> {
  return whole({ ...row(option, description), min, max });
}

function real(option: Numeric, min: number, max: number, description: string): Setting<number> {
  return number({ ...row(option, description), min, max });
}

/** A row for each option of the learner, with its defaults. */
export const LEARNER_SETTINGS: Rows<Tunable & { seed: number }> = {
  seed: whole({
    env: learnerEnv('seed'),
    min: 0,
    max: 2 ** 31 - 1,
    fallback: 1,
    description:
      'What all random choices of the learner come from. The same for all processes of an application, for ever: new rows start from it.',
  }),
  dimension: count(
    'dimension',
    4,
    512,
    'd, the size of embeddings and interests. Not to be changed while a model exists.',
  ),
  initialScale: real('initialScale', 0, 1, 'Standard deviation of new embeddings.'),
  encoder: text({
    env: learnerEnv('encoder'),
    pattern: new RegExp(`^(${[...ENCODERS.keys()].join('|')})$`),
    wants: `the name of an encoder: ${[...ENCODERS.keys()].join(', ')}`,
    fallback: DEFAULT_LEARNER_OPTIONS.encoder,
    description: 'How a history becomes a vector; see encoders.md.',
  }),
  halfLifeDays: numberOr({
    env: learnerEnv('halfLifeDays'),
    min: 0,
    max: 36_500,
    word: 'auto',
    fallback: DEFAULT_LEARNER_OPTIONS.halfLifeDays,
    description:
      'Days of event time after which an entry of a history counts half; 0: it never fades; auto: what is learned for each domain.',
  }),
  weightExponent: real(
    'weightExponent',
    0,
    4,
    'p: an entry of weight w counts w^p in a history; 0: all that are positive count alike.',
  ),
  phi: choice({
    env: learnerEnv('phi'),
    words: ['identity', 'tanh', 'sign'],
    fallback: DEFAULT_LEARNER_OPTIONS.phi,
    description: 'Activation of the interest layer.',
  }),
  negatives: count('negatives', 1, 1000, 'Negatives that an example is compared with.'),
  sharing: count(
    'sharing',
    1,
    1024,
    'Examples of one domain that share their negatives; 1: each has its own.',
  ),
  popularityExponent: real(
    'popularityExponent',
    0,
    1,
    'Negatives are drawn from popularity to this power.',
  ),
  uniformNegatives: real(
    'uniformNegatives',
    0,
    1,
    'The part of the negatives that is drawn uniformly.',
  ),
  replay: count(
    'replay',
    0,
    16,
    "Earlier positives of the user's own that are trained again with each event.",
  ),
  ownDomainDropout: real(
    'ownDomainDropout',
    0,
    1,
    'Probability that an event is trained a second time with the history in its own domain hidden, as somebody new there would look.',
  ),
  singleSource: real(
    'singleSource',
    0,
    1,
    'Probability that an event sees the history in one domain alone.',
  ),
  historyDropout: real(
    'historyDropout',
    0,
    1,
    'Probability that an entry of a history is left out.',
  ),
  learningRate: real('learningRate', 0, 10, 'Step size of embeddings.'),
  biasLearningRate: real('biasLearningRate', 0, 10, 'Step size of item biases.'),
  denseLearningRate: real('denseLearningRate', 0, 10, 'Step size of W, A and W_r.'),
  encoderLearningRate: real('encoderLearningRate', 0, 10, "Step size of an encoder's own blocks."),
  gateLearningRate: real('gateLearningRate', 0, 10, "Step size of the gate's scalars."),
  stackLearningRate: real(
    'stackLearningRate',
    0,
    10,
    'Step size of what is learned of the blend of scores; 0: nothing is.',
  ),
  priorLearningRate: real('priorLearningRate', 0, 10, 'Step size of the weight of popularity.'),
  accumulatorStart: real(
    'accumulatorStart',
    0,
    10,
    'What the accumulators of embeddings start from.',
  ),
  l2: real('l2', 0, 10, 'Decay of embeddings towards zero, for each time that a row is touched.'),
  biasL2: real('biasL2', 0, 10, 'Decay of item biases towards zero, likewise.'),
  denseL2: real(
    'denseL2',
    0,
    10,
    'Decay of W, A, W_r, gate and prior towards their initial values, for each example.',
  ),
  fitMemory: real(
    'fitMemory',
    0,
    1e9,
    'Weight of pairs of interests that the mapping for users new in a domain remembers; 0: they go through A.',
  ),
  fitL2: real(
    'fitL2',
    0,
    1000,
    'Ridge of that mapping: what it is pulled to the identity with, against pairs of weight 1.',
  ),
  driftBoost: real(
    'driftBoost',
    0,
    1000,
    'So many times as large are steps of A for a while when a drift was found; 0: none is looked for.',
  ),
  driftThreshold: real(
    'driftThreshold',
    1,
    1000,
    'Deviations that rises of the loss of a pair of domains add up to before they are called a drift.',
  ),
  mode: choice({
    env: learnerEnv('mode'),
    words: ['collaborative', 'content', 'hybrid'],
    fallback: DEFAULT_LEARNER_OPTIONS.mode,
    description:
      'What the vector of an item is made of whose content is known: its embedding, its content, or both. See content.md.',
  }),
  contentDropout: real(
    'contentDropout',
    0,
    1,
    'Probability that such an item is trained, in a mini-batch, by its content alone, so that new items are placed by theirs.',
  ),
  contentLearningRate: real(
    'contentLearningRate',
    0,
    10,
    'Step size of W_c; no step is longer than 1/32 in root mean square.',
  ),
  contentL2: real('contentL2', 0, 10, 'Decay of W_c towards zero, for each example.'),
  encoderL2: real(
    'encoderL2',
    0,
    10,
    "Decay of an encoder's own blocks towards zero, for each example.",
  ),
  neighbours: count(
    'neighbours',
    0,
    4096,
    'Neighbours that an item keeps in each domain: those seen beside it most often. 0: none are counted.',
  ),
  pairedItems: count(
    'pairedItems',
    0,
    64,
    "An event is counted beside so many of the newest liked items of each of its user's histories, beside all while the user has liked no more than six times as many.",
  ),
  blendPopularity: real('blendPopularity', 0, 8, 'Weight of log popularity in the score.'),
  blendBias: real('blendBias', 0, 8, "Weight of the item's bias in the score."),
  blendDeep: real('blendDeep', 0, 8, 'Weight of the embeddings in the score.'),
  blendDeepNew: real('blendDeepNew', 0, 8, 'The same for users without an event in the domain.'),
  blendSaturationNew: real(
    'blendSaturationNew',
    0,
    100,
    'By which the embeddings saturate in their score: x / (1 + a |x|) in place of x; 0: not at all.',
  ),
  blendLift: real(
    'blendLift',
    0,
    8,
    "Weight in the score of what was seen beside the user's items.",
  ),
  blendLiftNew: real('blendLiftNew', 0, 8, 'The same for users without an event in the domain.'),
  liftItems: count(
    'liftItems',
    1,
    1024,
    "The user's newest liked items, in each domain, that those are looked for beside.",
  ),
  blendWalk: real(
    'blendWalk',
    0,
    8,
    'Weight in the score of what was seen beside that, in two steps.',
  ),
  blendWalkNew: real('blendWalkNew', 0, 8, 'The same for users without an event in the domain.'),
  blendCosineNew: real(
    'blendCosineNew',
    0,
    8,
    "Weight in the score of how like the user's items it is (cosine of the counts), for users without an event in the domain; 0: none.",
  ),
  blendDiscountNew: real(
    'blendDiscountNew',
    0,
    8,
    "Weight of what is taken off for being seen beside the user's items at all, for users without an event in the domain; 0: nothing.",
  ),
  blendCategories: real(
    'blendCategories',
    0,
    64,
    'Weight in the score of how like what the user liked last it is by categories.',
  ),
  blendCategoriesNew: real(
    'blendCategoriesNew',
    0,
    64,
    'The same for users without an event in the domain.',
  ),
  blendWords: real(
    'blendWords',
    0,
    64,
    'Weight in the score of how like what the user liked last it is by words of title and text, and by tags.',
  ),
  blendWordsNew: real('blendWordsNew', 0, 64, 'The same for users without an event in the domain.'),
  walkItems: count(
    'walkItems',
    0,
    1024,
    "The user's newest liked items, in each domain, from whose neighbours a second step leads on; 0: there is none.",
  ),
  newcomerItems: count(
    'newcomerItems',
    1,
    1024,
    'In place of the last two for users who have liked nothing in the domain: what is older tells something there.',
  ),
  newcomerBridges: count('newcomerBridges', 1, 4096, 'In place of walkBridges for them.'),
  walkBridges: count(
    'walkBridges',
    1,
    4096,
    'Neighbours that a second step leads on from: those that the first step reaches most.',
  ),
  walkBelow: real(
    'walkBelow',
    0,
    1e9,
    'A second step is taken where the first finds less than so much beside the items of the user, counted in parts of their events.',
  ),
  thirdStepBelow: real(
    'thirdStepBelow',
    0,
    1e9,
    'Users who have liked nothing in the domain walk a third step where the first two find less than so much; 0: never.',
  ),
  distrust: real(
    'distrust',
    0,
    1000,
    "A domain is left out of another's lists where it does harm by so many standard errors; 0: never.",
  ),
};
