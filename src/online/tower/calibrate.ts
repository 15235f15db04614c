import { BlockTable } from '../blocks.js';
import type { Encoder, EncoderParameters, Histories } from '../encoders/encoder.js';
import { encoderNamed } from '../encoders/index.js';
import type { LearnerOptions } from '../options.js';
import { Random } from '../random.js';
import type { DenseParameters, Tower, TowerInput } from '../types.js';

/** What the learner will have to do, as far as it is known at the start. */
export interface TypicalWork {
  readonly dimension: number;
  readonly encoder: Encoder;
  /** Examples of a mini-batch. */
  readonly examples: number;
  readonly domains: number;
  /** Blocks of the encoder at their initial values. */
  initialBlock(key: string): Float32Array;
  /** A clock that only goes forward, in milliseconds. */
  now(): number;
}

/** Domains that a learner is taken to have; what comes is not known at the start. */
const DOMAINS = 4;

/** What a learner with these options will have to do. */
export function typicalWork(
  options: LearnerOptions & { readonly seed: number },
  now: () => number,
): TypicalWork {
  const { dimension, seed, miniBatch, replay, ownDomainDropout } = options;
  const blocks = new BlockTable(dimension, seed);
  return {
    dimension,
    encoder: encoderNamed(options.encoder, options),
    examples: Math.ceil(miniBatch * (1 + replay + ownDomainDropout)),
    domains: DOMAINS,
    initialBlock: (key) => blocks.get(key).values,
    now,
  };
}

/** A contender and what a mini-batch took it: encoder and tower, there and back. */
export type Calibrated<T> = T & {
  readonly milliseconds: number;
  /** False: it was so far behind that a part of the mini-batch was enough to see it. */
  readonly whole: boolean;
};

/** For all contenders together, loading excluded. */
const BUDGET_MS = 240;
/** The part of a mini-batch that is tried first. */
const PART = 8;
/** A contender that seems to be so much slower than the best one is not measured further. */
const HOPELESS = 3;
const ROWS = 256;
const HISTORY = 10;

/**
 * Measures contenders on a made-up mini-batch of the configured shape, and returns them, the fastest
 * first. Each is tried on an eighth of it, and on the whole unless that was hopeless; the least time
 * counts, since what else the machine does only adds to it. All of it takes about 240 ms at most.
 */
export function calibrate<T extends { readonly tower: Tower }>(
  contenders: readonly T[],
  work: TypicalWork,
): Calibrated<T>[] {
  const part = madeUpBatch(work, Math.max(1, Math.round(work.examples / PART)));
  const batch = madeUpBatch(work, work.examples);
  const share = BUDGET_MS / Math.max(1, contenders.length);
  let best = Number.POSITIVE_INFINITY;
  const measured = contenders.map((contender): Calibrated<T> => {
    const begin = work.now();
    const ofPart = least(contender.tower, part, work, begin + share / 3);
    const guess = ofPart * (work.examples / part.input.examples);
    if (guess > HOPELESS * best || guess > share / 3) {
      best = Math.min(best, guess);
      return { ...contender, milliseconds: guess, whole: false };
    }
    const milliseconds = least(contender.tower, batch, work, begin + share);
    best = Math.min(best, milliseconds);
    return { ...contender, milliseconds, whole: true };
  });
  return measured.sort((a, b) => a.milliseconds - b.milliseconds);
}

function least(tower: Tower, batch: MadeUpBatch, work: TypicalWork, untilMs: number): number {
  let result = Number.POSITIVE_INFINITY;
  let begin = work.now();
  // The first run pays for what is made once.
  for (let run = 0; run < 2 || begin + result < untilMs; run++) {
    step(tower, batch);
    const end = work.now();
    if (end - begin < result) result = end - begin;
    begin = end;
  }
  return result;
}

function step(
  tower: Tower,
  { input, histories, parameters, encoder, gradient }: MadeUpBatch,
): void {
  const encoded = encoder.forward(histories, { ...parameters, multiply: tower.multiply });
  const pass = tower.forward({ ...input, x: encoded.x }, parameters);
  const { dx } = pass.backward(gradient);
  encoded.backward(dx, () => {});
  pass.dispose();
}

interface MadeUpBatch {
  readonly encoder: Encoder;
  readonly input: TowerInput;
  readonly histories: Histories;
  readonly parameters: DenseParameters & Omit<EncoderParameters<Float32Array>, 'multiply'>;
  /** dLoss/dquery */
  readonly gradient: Float32Array;
}

/** Examples that know half of the domains, ten items in each. */
function madeUpBatch(work: TypicalWork, examples: number): MadeUpBatch {
  const { dimension: d, domains, encoder } = work;
  const random = Random.of('calibration', d, domains);
  const normals = (length: number): Float32Array =>
    Float32Array.from({ length }, () => 0.3 * random.normal());
  const each = Math.max(1, Math.round(domains / 2));
  const slots = examples * each;
  const slotSource = Int32Array.from({ length: slots }, (_, i) => (i * 7) % domains);
  const blocks = new Map<string, Float32Array>();
  return {
    encoder,
    gradient: normals(examples * d),
    histories: {
      slots,
      offsets: Int32Array.from({ length: slots + 1 }, (_, i) => i * HISTORY),
      rows: Int32Array.from({ length: slots * HISTORY }, () => random.below(ROWS)),
      weights: new Float32Array(slots * HISTORY).fill(1),
      ages: Float64Array.from({ length: slots * HISTORY }, (_, i) => HISTORY - (i % HISTORY)),
      sources: slotSource,
    },
    input: {
      examples,
      targets: Int32Array.from({ length: examples }, () => random.below(domains)),
      slots,
      slotExample: Int32Array.from({ length: slots }, (_, i) => Math.floor(i / each)),
      slotSource,
      slotEvidence: new Float32Array(slots),
      x: new Float32Array(0),
    },
    parameters: {
      dimension: d,
      embeddings: normals(ROWS * d),
      domainName: (index) => `d${index}`,
      zeros: (length) => new Float32Array(length),
      block(key) {
        let block = blocks.get(key);
        if (block === undefined) {
          block = work.initialBlock(key);
          blocks.set(key, block);
        }
        return block;
      },
    },
  };
}
