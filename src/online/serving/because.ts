import { type BlendWeights, saturationOf } from '../blend/blend.js';
import { saturate } from '../blend/saturate.js';
import type { Likeness } from '../content/likeness.js';
import { dotsBetween } from '../kernels/simd-dots.js';
import type { Model } from '../model.js';
import type { Touched } from '../types.js';
import type { WalkHistory } from '../wide/walk.js';

/** A history is looked through for so many of its newest items: it has to cost less than the list. */
const NEWEST = 8;

/**
 * Why an item j is in a list: which of the user's items i weighed most for it. Of the newest 8 of each
 * history, those with the largest
 *
 *     δ g_s w_i (v_i · v_j) / √(Σ w) + walked(j) · w_i c(i→j) / n_i / (p1(j) + p2(j))
 *
 * (walked: what walks add) and what i brings to the likeness of j (content/likeness.ts), above 0, the first as it saturates with those of all i (blend/saturate.ts): the part of the deep score that is i's where W, A and W_r are near the identity, and i's part
 * of the first step of the walk. Computed for the items of a list alone, after they are found.
 */
export class Reasons {
  private readonly model: Model;
  private readonly likeness: Likeness;
  private readonly named: number;
  /** Touched items, each once in its history: `length` of them. */
  private rows = new Int32Array(64);
  private length = 0;
  /** By touched item: δ g_s w_i / √(Σ w) */
  private deep = new Float64Array(64);
  /** By touched item: w_i / n_i */
  private wide = new Float64Array(64);
  /** (items of the list, touched items) v_i · v_j */
  private dots = new Float32Array(0);
  /** (touched items) Parts of one item of the list. */
  private parts = new Float64Array(64);
  /** By number of the touched item, once it is a reason. */
  private readonly touched: (Touched | undefined)[] = [];
  /** Numbers of the touched items with the largest parts so far. */
  private readonly best: Int32Array;

  /**
   * @param likeness That of the blend: what it was run for last is what reasons are asked for.
   * @param named Items named at the most.
   */
  constructor(model: Model, likeness: Likeness, named: number) {
    this.model = model;
    this.likeness = likeness;
    this.named = named;
    this.best = new Int32Array(named);
  }

  /**
   * The items that weighed most for each of `rows`, that first.
   *
   * @param perMass By item of the list: what the walk adds to its score for each unit of mass.
   * @param gate By source domain.
   */
  of(
    rows: readonly number[],
    perMass: readonly number[],
    histories: readonly WalkHistory[],
    domain: number,
    weights: BlendWeights,
    gate: readonly { readonly domain: number; readonly weight: number }[],
  ): Touched[][] {
    this.takeNewest(histories, weights.deep, gate);
    this.takeSteps(rows, domain);
    const { model, likeness, length, parts, deep } = this;
    if (this.dots.length < rows.length * length) {
      this.dots = new Float32Array(rows.length * length * 2);
    }
    const { dots } = this;
    const saturation = saturationOf(weights);
    dotsBetween(model.items, this.rows, length, rows, dots);
    const { doubles, parts: at } = model.neighbours.room;
    this.touched.fill(undefined);
    const because: Touched[][] = [];
    for (let place = 0; place < rows.length; place++) {
      const each = perMass[place]!;
      const from = place * length;
      const steps = at / 2 + from;
      let sum = 0;
      for (let i = 0; i < length; i++) sum += deep[i]! * dots[from + i]!;
      const saturating = sum === 0 ? 1 : saturate(sum, saturation) / sum;
      for (let i = 0; i < length; i++) {
        parts[i] = saturating * deep[i]! * dots[from + i]! + each * doubles[steps + i]!;
      }
      if (likeness.isOn) likeness.addParts(parts, this.rows, length, rows[place]!, weights);
      because.push(this.largest());
    }
    return because;
  }

  private takeNewest(
    histories: readonly WalkHistory[],
    deep: number,
    gate: readonly { readonly domain: number; readonly weight: number }[],
  ): void {
    const { counts } = this.model.items;
    this.reserve(histories.length * NEWEST);
    this.length = 0;
    for (const { domain, rows, weights } of histories) {
      let total = 0;
      for (let i = 0; i < weights.length; i++) total += weights[i]!;
      const trust = gate.find((slot) => slot.domain === domain)?.weight ?? 0;
      const scale = (deep * trust) / Math.sqrt(total);
      const first = this.length;
      for (let i = rows.length - 1; i >= Math.max(0, rows.length - NEWEST); i--) {
        const row = rows[i]!;
        let at = first;
        while (at < this.length && this.rows[at] !== row) at++;
        if (at === this.length) {
          this.length++;
          this.rows[at] = row;
          this.deep[at] = 0;
          this.wide[at] = 0;
        }
        this.deep[at]! += scale * weights[i]!;
        this.wide[at]! += weights[i]! / Math.max(1, counts[row]!);
      }
    }
  }

  /** Fills the room's parts with what the first step of the walk found: w_i c(i→j) / n_i. */
  private takeSteps(rows: readonly number[], domain: number): void {
    const { length } = this;
    const { room } = this.model.neighbours;
    room.beginStarts(length);
    for (let i = 0; i < length; i++) room.addStartAt(this.rows[i]!, -1, this.wide[i]!);
    room.partsOf(rows, domain);
  }

  /** The touched items with the largest parts above 0, the largest first, of equal ones the newer. */
  private largest(): Touched[] {
    const { parts, length, named } = this;
    const { best } = this;
    let found = 0;
    for (let i = 0; i < length; i++) {
      const part = parts[i]!;
      if (!(part > 0)) continue;
      if (found === named && !(part > parts[best[named - 1]!]!)) continue;
      if (found < named) found++;
      let at = found - 1;
      for (; at > 0 && parts[best[at - 1]!]! < part; at--) best[at] = best[at - 1]!;
      best[at] = i;
    }
    const touched = new Array<Touched>(found);
    for (let k = 0; k < found; k++) touched[k] = this.touchedAt(best[k]!);
    return touched;
  }

  /** What is said of a touched item: one object for all the items of a list that it is a reason of. */
  private touchedAt(i: number): Touched {
    const known = this.touched[i];
    if (known !== undefined) return known;
    const { model } = this;
    const row = this.rows[i]!;
    const made = { itemId: model.itemId(row), domain: model.domainName(model.domainOf(row)) };
    this.touched[i] = made;
    return made;
  }

  private reserve(n: number): void {
    if (n <= this.rows.length) return;
    this.rows = new Int32Array(n * 2);
    this.deep = new Float64Array(n * 2);
    this.wide = new Float64Array(n * 2);
    this.parts = new Float64Array(n * 2);
  }
}
