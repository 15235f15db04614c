/**
 * The dense blocks of the model by key, each created at its initial value when it is first asked for.
 *
 * | key | shape | initial value | what it is |
 * |---|---|---|---|
 * | `W/<s>` | (d + 1, d) | identity, last row (bias) zero | interest: h = phi(x W + b) |
 * | `A/<s>/<t>` | (d, d) | identity | mapping from s to t: y = h A |
 * | `gate/<s>/<t>` | (1, 1) | zero | the gate's scalar for the pair |
 * | `R` | (d + 1, d) | identity, last row (bias) zero | reading: q = z W_r + b_r |
 * | `prior/<t>` | (1, 1) | one | weight of log popularity in t |
 */

export interface BlockShape {
  readonly rows: number;
  readonly width: number;
}

interface BlockKind {
  /** Domains named in the key. */
  readonly domains: number;
  shape(d: number): BlockShape;
  readonly initial: 'identity' | 'zero' | 'one';
}

const KINDS: Readonly<Record<string, BlockKind>> = {
  W: { domains: 1, shape: (d) => ({ rows: d + 1, width: d }), initial: 'identity' },
  A: { domains: 2, shape: (d) => ({ rows: d, width: d }), initial: 'identity' },
  gate: { domains: 2, shape: () => ({ rows: 1, width: 1 }), initial: 'zero' },
  R: { domains: 0, shape: (d) => ({ rows: d + 1, width: d }), initial: 'identity' },
  prior: { domains: 1, shape: () => ({ rows: 1, width: 1 }), initial: 'one' },
};

export class Block {
  readonly shape: BlockShape;
  /** (rows, width) row-major, multiples of the weight grid. */
  readonly values: Float32Array;
  /** (rows) in accumulator units. */
  readonly accumulators: Float64Array;
  private readonly initial: BlockKind['initial'];

  constructor(shape: BlockShape, initial: BlockKind['initial']) {
    this.shape = shape;
    this.initial = initial;
    this.values = new Float32Array(shape.rows * shape.width);
    this.accumulators = new Float64Array(shape.rows);
    for (let i = 0; i < this.values.length; i++) this.values[i] = this.initialValue(i);
  }

  /** Whether nothing has been learned in it. */
  isInitial(): boolean {
    return (
      this.accumulators.every((value) => value === 0) &&
      this.values.every((value, i) => value === this.initialValue(i))
    );
  }

  private initialValue(i: number): number {
    if (this.initial === 'zero') return 0;
    if (this.initial === 'one') return 1;
    return i % (this.shape.width + 1) === 0 ? 1 : 0;
  }
}

export class BlockTable {
  private readonly dimension: number;
  private readonly blocks = new Map<string, Block>();

  constructor(dimension: number) {
    this.dimension = dimension;
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
    const [kind = '', ...domains] = key.split('/');
    const found = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
    if (found === undefined || domains.length !== found.domains || domains.includes('')) {
      throw new RangeError(
        `There is no dense block ${JSON.stringify(key)}; kinds are ${Object.keys(KINDS).join(', ')}`,
      );
    }
    return new Block(found.shape(this.dimension), found.initial);
  }
}
