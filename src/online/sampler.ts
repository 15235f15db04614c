import { grown } from './columns.js';
import type { Model } from './model.js';
import type { Random } from './random.js';

type Tables = Pick<Model, 'items' | 'rowsOf' | 'key' | 'revision'>;

/** c^a for c below 4096, by a: the same for all samplers, so it is made once. */
const powerTables = new Map<number, Float64Array>();

function powersOf(exponent: number): Float64Array {
  let powers = powerTables.get(exponent);
  if (powers === undefined) {
    // The first stays 0: an item without events is not drawn.
    powers = new Float64Array(4096);
    for (let count = 1; count < powers.length; count++) powers[count] = count ** exponent;
    powerTables.set(exponent, powers);
  }
  return powers;
}

/**
 * Draws items of a domain with probability
 *
 *     q_j = (1 - m) c_j^a / Σ_i c_i^a + m / M
 *
 * over the M items of the domain with events (c_j ≥ 1), m the part drawn uniformly, a = 0.75 as in
 * word2vec (Mikolov et al. 2013). What is drawn depends on the counts and the random source alone:
 * items stand in the order of their keys, so a model restored in any order draws the same.
 */
export class PopularitySampler {
  private readonly model: Tables;
  private readonly exponent: number;
  private readonly uniform: number;
  private readonly domains = new Map<number, Order>();
  /** c^a for small c. */
  private readonly powers: Float64Array;
  private order = new Order();

  constructor(model: Tables, exponent: number, uniform: number) {
    this.model = model;
    this.exponent = exponent;
    this.uniform = uniform;
    this.powers = powersOf(exponent);
  }

  /** Items that can be drawn. */
  get size(): number {
    return this.order.length;
  }

  /** Turns to a domain, with the counts as they are now. */
  turnTo(domain: number): void {
    let order = this.domains.get(domain);
    if (order === undefined) {
      order = new Order();
      this.domains.set(domain, order);
    }
    this.order = order;
    if (order.revision === this.model.revision) return;
    order.revision = this.model.revision;
    order.follow(this.model, domain);
    const { counts } = this.model.items;
    const { rows, cumulative, length } = order;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      sum += this.power(counts[rows[i]!]!);
      cumulative[i] = sum;
    }
    order.total = sum;
  }

  /** The row of an item drawn. Not to be asked while `size` is 0. */
  draw(random: Random): number {
    if (this.uniform > 0 && random.float() < this.uniform) return this.drawUniformly(random);
    const { rows, cumulative, length, total } = this.order;
    const point = random.float() * total;
    let low = 0;
    let high = length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulative[middle]! > point) high = middle;
      else low = middle + 1;
    }
    return rows[low]!;
  }

  /** As `draw`, but all items of the domain alike. */
  drawUniformly(random: Random): number {
    const { rows, length } = this.order;
    return rows[random.below(length)]!;
  }

  /** q_j of an item with that count; an item without events counts as if it had one. */
  probability(count: number): number {
    const { total, length } = this.order;
    const popular = this.power(Math.max(count, 1)) / total;
    return (1 - this.uniform) * popular + this.uniform / length;
  }

  private power(count: number): number {
    return count < this.powers.length ? this.powers[count]! : count ** this.exponent;
  }
}

/** The rows of one domain in the order of their keys. */
class Order {
  rows = new Int32Array(0);
  cumulative = new Float64Array(0);
  length = 0;
  total = 0;
  /** Of the model, when the rest was as it says. */
  revision = -1;
  /** What the model said of its list when it was last looked at. */
  private epoch = 0;

  follow(model: Tables, domain: number): void {
    const { rows, length, epoch } = model.rowsOf(domain);
    if (epoch !== this.epoch) {
      this.epoch = epoch;
      this.length = 0;
    }
    const known = this.length;
    if (known === length) return;
    this.reserve(length);
    // Usually a few rows are new; after a revert, everything is sorted afresh.
    if (known === 0 || length - known > 64) this.sort(rows.subarray(0, length), model);
    else for (let i = known; i < length; i++) this.insert(rows[i]!, model);
    this.length = length;
  }

  private sort(rows: Int32Array, model: Tables): void {
    const sorted = Array.from(rows, (row) => ({ row, key: model.key(row) }));
    sorted.sort((a, b) => (a.key < b.key ? -1 : 1));
    for (let i = 0; i < sorted.length; i++) this.rows[i] = sorted[i]!.row;
  }

  private insert(row: number, model: Tables): void {
    const key = model.key(row);
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (model.key(this.rows[middle]!) < key) low = middle + 1;
      else high = middle;
    }
    this.rows.copyWithin(low + 1, low, this.length);
    this.rows[low] = row;
    this.length++;
  }

  private reserve(length: number): void {
    if (length <= this.rows.length) return;
    this.rows = grown(this.rows, length);
    this.cumulative = new Float64Array(this.rows.length);
  }
}
