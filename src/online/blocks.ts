import { contentSize } from './content/encoder.js';
import { contentDomain } from './content/hybrid.js';
import { DRIFT_ROWS } from './drift/record.js';
import { ATTENTION_SHAPES } from './encoders/attention.js';
import { CONV_SHAPES } from './encoders/conv.js';
import { GRU_SHAPES } from './encoders/gru.js';
import { HALF_LIFE_ROWS } from './encoders/half-life.js';
import { WAY_ROWS } from './fitting/ways.js';
import { onGrid, WEIGHT_UNIT } from './grid.js';
import { Random } from './random.js';
import { REPEAT_ROWS } from './repeats/repeats.js';
import { DEVIATION_ROWS, KNOWN_BUCKETS } from './stacking/deviations.js';
import { LIKENESS_ROWS, STACK_ROWS } from './stacking/stack.js';
import { TRUST_ROWS } from './trust/trust.js';

/**
 * The dense blocks of the model by key, each created at its initial value when it is first asked for.
 *
 * | key | shape | initial value | what it is |
 * |---|---|---|---|
 * | `W/<s>` | (d + 1, d) | identity, last row (bias) zero | interest: h = phi(x W + b) |
 * | `A/<s>/<t>` | (d, d) | identity | mapping from s to t: y = h A |
 * | `fit/<s>/<t>` | (d + 1, d) | identity, last row (bias) zero | mapping from s to t of users who are new in t: fitting/fitting.ts |
 * | `moments/<s>/<t>` | (d + 1, d + 1) | zero | mean squares of (x_s, 1) where t is known too, in units of 64: fitting/fitting.ts |
 * | `way/<s>/<t>` | (4, 1) | zero | which of the two mappings ranks better for users who are new in t, in the accumulators: fitting/ways.ts |
 * | `gate/<s>/<t>` | (1, 1) | zero | the gate's scalar for the pair |
 * | `R` | (d + 1, d) | identity, last row (bias) zero | reading: q = z W_r + b_r |
 * | `prior/<t>` | (1, 1) | one | weight of log popularity in t |
 * | `drift/<s>/<t>` | (6, 1) | zero | what the detector of drifts knows of the pair, in the accumulators: drift/record.ts |
 * | `half-life/<s>` | (8, 1) | zero | how half-lives compare for histories in s, in the accumulators: encoders/half-life.ts |
 * | `trust/<s>/<t>` | (4, 1) | zero | whether s helps in t, in the accumulators: trust/trust.ts |
 * | `repeat/<t>` | (2, 1) | zero | how often users of t come back to what they have, in the accumulators: repeats/repeats.ts |
 * | `stack/<t>` | (2, 1) | zero | what is learned of the blend of scores in t: stacking/stack.ts |
 * | `likeness/<t>` | (2, 1) | zero | what likeness weighs more than is set in scores of t: stacking/stack.ts |
 * | `blend/<t>` | (24, 1) | zero | how weights of scores in t deviate from what is set, by bucket: stacking/deviations.ts |
 * | `blend-new/<s>/<t>` | (8, 1) | zero | the same of users who are new in t and liked most in s |
 * | `content/<t>` | (2 d, d) | random (seed), the same in all domains | what content says of an item's vector: c W_c |
 * | `conv/...`, `gru/...`, `attention/...` | see the encoder | random (seed, key), or zero | an encoder's own |
 */

export interface BlockShape {
  readonly rows: number;
  readonly width: number;
}

/** How a block begins. A number: random values of that deviation from PRNG(seed, key). */
export type InitialBlock = 'identity' | 'zero' | 'one' | number;

/** Shape and beginning of a block of an encoder's own, given d. */
export type EncoderBlock = (d: number) => BlockShape & { readonly initial: InitialBlock };

/** Which step size a block has, and the value that its decay pulls towards; a record has neither. */
export type BlockRole =
  | 'dense'
  | 'gate'
  | 'prior'
  | 'encoder'
  | 'content'
  | 'stack'
  | 'blend'
  | 'record';

interface BlockKind {
  readonly role: BlockRole;
  /** Domains named in the key. */
  readonly domains: number;
  shape(d: number): BlockShape;
  readonly initial: InitialBlock;
}

const KINDS: Readonly<Record<string, BlockKind>> = {
  W: {
    role: 'dense',
    domains: 1,
    shape: (d) => ({ rows: d + 1, width: d }),
    initial: 'identity',
  },
  A: { role: 'dense', domains: 2, shape: (d) => ({ rows: d, width: d }), initial: 'identity' },
  fit: {
    role: 'record',
    domains: 2,
    shape: (d) => ({ rows: d + 1, width: d }),
    initial: 'identity',
  },
  moments: {
    role: 'record',
    domains: 2,
    shape: (d) => ({ rows: d + 1, width: d + 1 }),
    initial: 'zero',
  },
  gate: { role: 'gate', domains: 2, shape: () => ({ rows: 1, width: 1 }), initial: 'zero' },
  R: {
    role: 'dense',
    domains: 0,
    shape: (d) => ({ rows: d + 1, width: d }),
    initial: 'identity',
  },
  content: {
    role: 'content',
    domains: 1,
    shape: (d) => ({ rows: contentSize(d), width: d }),
    initial: 0.05,
  },
  drift: {
    role: 'record',
    domains: 2,
    shape: () => ({ rows: DRIFT_ROWS, width: 1 }),
    initial: 'zero',
  },
  'half-life': {
    role: 'record',
    domains: 1,
    shape: () => ({ rows: HALF_LIFE_ROWS, width: 1 }),
    initial: 'zero',
  },
  trust: {
    role: 'record',
    domains: 2,
    shape: () => ({ rows: TRUST_ROWS, width: 1 }),
    initial: 'zero',
  },
  way: {
    role: 'record',
    domains: 2,
    shape: () => ({ rows: WAY_ROWS, width: 1 }),
    initial: 'zero',
  },
  repeat: {
    role: 'record',
    domains: 1,
    shape: () => ({ rows: REPEAT_ROWS, width: 1 }),
    initial: 'zero',
  },
  stack: {
    role: 'stack',
    domains: 1,
    shape: () => ({ rows: STACK_ROWS, width: 1 }),
    initial: 'zero',
  },
  likeness: {
    role: 'stack',
    domains: 1,
    shape: () => ({ rows: LIKENESS_ROWS, width: 1 }),
    initial: 'zero',
  },
  blend: {
    role: 'blend',
    domains: 1,
    shape: () => ({ rows: DEVIATION_ROWS * KNOWN_BUCKETS.length, width: 1 }),
    initial: 'zero',
  },
  'blend-new': {
    role: 'blend',
    domains: 2,
    shape: () => ({ rows: DEVIATION_ROWS, width: 1 }),
    initial: 'zero',
  },
  prior: { role: 'prior', domains: 1, shape: () => ({ rows: 1, width: 1 }), initial: 'one' },
};

const ENCODER_BLOCKS: Readonly<Record<string, EncoderBlock>> = {
  ...CONV_SHAPES,
  ...GRU_SHAPES,
  ...ATTENTION_SHAPES,
};

function blockRole(key: string): BlockRole {
  if (Object.hasOwn(ENCODER_BLOCKS, key)) return 'encoder';
  const kind = key.split('/', 1)[0]!;
  return KINDS[kind]?.role ?? 'dense';
}

export class Block {
  readonly shape: BlockShape;
  readonly role: BlockRole;
  /** (rows, width) row-major, multiples of the weight grid. */
  readonly values: Float32Array;
  /** (rows) in accumulator units. */
  readonly accumulators: Float64Array;
  private readonly initial: () => Float32Array;

  constructor(shape: BlockShape, role: BlockRole, initial: () => Float32Array) {
    this.shape = shape;
    this.role = role;
    this.initial = initial;
    this.values = initial();
    this.accumulators = new Float64Array(shape.rows);
  }

  /** Adds multiples of the two grids, or takes them away. */
  add(units: Int32Array, accumulatorUnits: Float64Array, sign: 1 | -1): void {
    const { values, accumulators } = this;
    const unit = sign * WEIGHT_UNIT;
    for (let i = 0; i < values.length; i++) values[i] = values[i]! + units[i]! * unit;
    for (let i = 0; i < accumulators.length; i++) accumulators[i]! += sign * accumulatorUnits[i]!;
  }

  /** Whether nothing has been learned in it. */
  isInitial(): boolean {
    if (!this.accumulators.every((value) => value === 0)) return false;
    const initial = this.initial();
    return this.values.every((value, i) => value === initial[i]);
  }
}

function initialValues(
  { rows, width }: BlockShape,
  initial: InitialBlock,
  seed: number,
  key: string,
): Float32Array {
  const values = new Float32Array(rows * width);
  if (initial === 'one') return values.fill(1);
  if (initial === 'identity') {
    for (let i = 0; i < values.length; i += width + 1) values[i] = 1;
  } else if (initial !== 'zero') {
    const random = Random.of('block', seed, key);
    for (let i = 0; i < values.length; i++) values[i] = onGrid(random.normal() * initial);
  }
  return values;
}

export class BlockTable {
  private readonly dimension: number;
  private readonly seed: number;
  private readonly blocks = new Map<string, Block>();

  constructor(dimension: number, seed: number) {
    this.dimension = dimension;
    this.seed = seed;
  }

  get(key: string): Block {
    let block = this.blocks.get(key);
    if (block === undefined) {
      block = this.create(key);
      this.blocks.set(key, block);
    }
    return block;
  }

  /** Blocks that exist, sorted by key (UTF-16 code units). */
  sorted(): [string, Block][] {
    return [...this.blocks].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  clear(): void {
    this.blocks.clear();
  }

  private create(key: string): Block {
    const { seed } = this;
    const { initial, ...shape } = this.shapeOf(key);
    // The same in all domains: what is said alike is alike from the first event on, wherever it is said.
    const from = contentDomain(key) === null ? key : 'content';
    return new Block(shape, blockRole(key), () => initialValues(shape, initial, seed, from));
  }

  private shapeOf(key: string): BlockShape & { readonly initial: InitialBlock } {
    if (Object.hasOwn(ENCODER_BLOCKS, key)) return ENCODER_BLOCKS[key]!(this.dimension);
    const [kind = '', ...domains] = key.split('/');
    const found = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (found === undefined || domains.length !== found.domains || domains.includes('')) {
      const known = [...Object.keys(KINDS), ...Object.keys(ENCODER_BLOCKS)].join(', ');
      throw new RangeError(`There is no dense block ${JSON.stringify(key)}; kinds are ${known}`);
    }
    return { ...found.shape(this.dimension), initial: found.initial };
  }
}
