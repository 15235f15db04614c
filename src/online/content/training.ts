import type { RowGradients } from '../adagrad.js';
import type { Histories } from '../encoders/encoder.js';
import type { Model } from '../model.js';
import { Random, type SeedPart } from '../random.js';
import { contentKey, type HybridRows } from './hybrid.js';

export interface ContentTrainingOptions {
  /** Probability that an item with content is trained, in a mini-batch, as if nobody had touched it. */
  readonly contentDropout: number;
}

/**
 * A step of W_c moves the vectors of all of a domain's items with content, so of more items it is
 * taken the more seldom: with probability 400 / items, 1/4 at the most.
 */
const ITEMS_PER_STEP = 400;
const OFTENEST = 1 / 4;

/**
 * The content of one mini-batch's items: hides e_j of some, so that c_j W_c has to explain their events
 * (DropoutNet: Volkovs, Yu, Poutanen 2017), and takes the gradients of W_c from those of vectors,
 *
 *     dL/dW_c = Σ_j c_jᵀ dL/dv_j,   dL/de_j = dL/dv_j, or 0 where e_j was hidden
 *
 * What is drawn comes from the mini-batch's place. The table is as before after `finish`.
 */
export class ContentTraining {
  private readonly rows: HybridRows;
  private readonly model: Model;
  private readonly dropout: number;
  private random = new Random();
  private place: readonly SeedPart[] = [];
  /** By slot: number of the mini-batch that met it last. */
  private met = new Int32Array(0);
  private batch = 0;
  private readonly hidden: number[] = [];

  constructor(model: Model, { contentDropout }: ContentTrainingOptions) {
    this.model = model;
    this.rows = model.content;
    // An embedding that no score reads would learn nothing but noise.
    this.dropout = model.content.mode === 'content' ? 1 : contentDropout;
  }

  /** Whether there is anything to do. */
  get isOn(): boolean {
    return !this.rows.isEmpty && this.rows.mode !== 'collaborative';
  }

  begin(place: readonly SeedPart[]): void {
    this.place = place;
    this.random = Random.of('content', this.model.options.seed, ...place);
    this.batch++;
    const { slots } = this.rows.store;
    if (this.met.length < slots) {
      this.met = new Int32Array(slots * 2);
      this.batch = 1;
    }
  }

  /** Meets the items of the histories, before they are encoded. */
  meetAll({ rows }: Histories): void {
    for (const row of rows) this.meet(row);
  }

  /** Meets an item, before its vector is read; the first time in a mini-batch it may be hidden. */
  readonly meet = (row: number): void => {
    if (!this.rows.isHybrid(row)) return;
    const slot = this.rows.store.slotOf(row);
    if (this.met[slot] === this.batch) return;
    this.met[slot] = this.batch;
    if (this.random.float() >= this.dropout) return;
    this.rows.hide(row);
    this.hidden.push(row);
  };

  /**
   * Takes the gradients of W_c, by key, from those of the first `trained` rows; then has the gradients
   * be those of e_j, and e_j itself in the table, for the steps of rows.
   */
  turn(gradients: RowGradients, trained: number): Map<string, Float32Array> {
    const { rows, model } = this;
    const d = model.dimension;
    const { size } = rows.store;
    const sums = new Map<number, Float32Array | null>();
    const content = new Float32Array(size);
    for (let place = 0; place < trained; place++) {
      const row = gradients.rows[place]!;
      if (!rows.isHybrid(row)) continue;
      rows.bare(row);
      const sum = this.sumOf(model.domainOf(row), sums);
      if (sum === null) continue;
      rows.contentOf(row, content);
      const from = place * (d + 1);
      for (let c = 0; c < size; c++) {
        const value = content[c]!;
        const to = c * d;
        for (let k = 0; k < d; k++) sum[to + k]! += value * gradients.values[from + k]!;
      }
    }
    for (const row of this.hidden) gradients.leave(row);
    const blocks = new Map<string, Float32Array>();
    for (const [domain, sum] of sums) {
      if (sum !== null) blocks.set(contentKey(model.domainName(domain)), sum);
    }
    return blocks;
  }

  /** Puts the vectors of all rows that were met back into the table. */
  finish({ rows: touched, length }: RowGradients): void {
    for (let place = 0; place < length; place++) {
      if (this.rows.isHybrid(touched[place]!)) this.rows.restore(touched[place]!);
    }
    for (const row of this.hidden) this.rows.restore(row);
    this.hidden.length = 0;
  }

  /** Where the gradient of a domain's W_c is summed; null where it takes no step. */
  private sumOf(domain: number, sums: Map<number, Float32Array | null>): Float32Array | null {
    const known = sums.get(domain);
    if (known !== undefined) return known;
    const { model, rows } = this;
    const key = contentKey(model.domainName(domain));
    const chance = Math.min(OFTENEST, ITEMS_PER_STEP / rows.countOf(domain));
    const steps =
      Random.of('content-step', model.options.seed, ...this.place, key).float() < chance;
    const sum = steps ? new Float32Array(rows.store.size * model.dimension) : null;
    sums.set(domain, sum);
    return sum;
  }
}
