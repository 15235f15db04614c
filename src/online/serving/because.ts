import type { Blend } from '../blend/blend.js';
import { dotsOfRows } from '../kernels/simd-dots.js';
import type { Model } from '../model.js';
import type { Touched } from '../types.js';
import type { WalkHistory } from '../wide/walk.js';

/** A history is looked through for so many of its newest items. */
const NEWEST = 16;

/** A touched item: what its part in a score is made of. */
interface Entry {
  readonly row: number;
  /** δ g_s w_i / √(Σ w) */
  deep: number;
  /** w_i / n_i, for those that a walk starts from. */
  wide: number;
}

/**
 * Why an item j is in a list: which of the user's items i weighed most for it. Of the newest 16 of each
 * history, those with the largest
 *
 *     δ g_s w_i (v_i · v_j) / √(Σ w) + (λ lift(j) + ω walk(j)) · w_i c(i→j) / n_i / (p1(j) + p2(j))
 *
 * above 0: the part of the deep score that is i's where W, A and W_r are near the identity, and i's part
 * of the first step of the walk. Computed for the items of a list alone, after they are found.
 */
export class Reasons {
  private readonly model: Model;
  private readonly blend: Blend;
  private readonly named: number;
  /** By row of the table: 1 + place in the list at hand, or 0. */
  private places = new Int32Array(0);
  private rows = new Int32Array(64);
  private dots = new Float32Array(64);

  /** @param named Items named at the most. */
  constructor(model: Model, blend: Blend, named: number) {
    this.model = model;
    this.blend = blend;
    this.named = named;
  }

  /**
   * The items that weighed most for each of `rows`, that first. The blend's walk has to hold what it
   * found for the same histories and domain.
   *
   * @param deep δ
   * @param gate By source domain.
   */
  of(
    rows: readonly number[],
    histories: readonly WalkHistory[],
    domain: number,
    deep: number,
    gate: readonly { readonly domain: number; readonly weight: number }[],
  ): Touched[][] {
    const entries = this.entriesOf(histories, deep, gate);
    const wide = this.wideParts(rows, entries, domain);
    const { model } = this;
    const { items } = model;
    const n = entries.length;
    if (this.rows.length < n) {
      this.rows = new Int32Array(n * 2);
      this.dots = new Float32Array(n * 2);
    }
    for (const [i, { row }] of entries.entries()) this.rows[i] = row;
    const { walk, weights } = this.blend;
    return rows.map((row, place) => {
      dotsOfRows(items, this.rows, n, items.embeddings, row * model.dimension, this.dots);
      const mass = walk.mass(row);
      const each = mass > 0 ? walk.added(row, weights) / mass : 0;
      const parts = entries.map(
        (entry, i) => entry.deep * this.dots[i]! + each * wide[place * n + i]!,
      );
      return this.largest(parts).map((i) => {
        const from = entries[i]!.row;
        return { itemId: model.itemId(from), domain: model.domainName(model.domainOf(from)) };
      });
    });
  }

  /** The newest items of each history, each once, newest first. */
  private entriesOf(
    histories: readonly WalkHistory[],
    deep: number,
    gate: readonly { readonly domain: number; readonly weight: number }[],
  ): Entry[] {
    const { counts } = this.model.items;
    const entries: Entry[] = [];
    for (const { domain, rows, weights } of histories) {
      let total = 0;
      for (let i = 0; i < weights.length; i++) total += weights[i]!;
      const scale =
        (deep * (gate.find((slot) => slot.domain === domain)?.weight ?? 0)) / Math.sqrt(total);
      const first = entries.length;
      for (let i = rows.length - 1; i >= Math.max(0, rows.length - NEWEST); i--) {
        const row = rows[i]!;
        const weight = weights[i]!;
        const part = { deep: scale * weight, wide: weight / Math.max(1, counts[row]!) };
        let known = first;
        while (known < entries.length && entries[known]!.row !== row) known++;
        if (known === entries.length) entries.push({ row, ...part });
        else {
          entries[known]!.deep += part.deep;
          entries[known]!.wide += part.wide;
        }
      }
    }
    return entries;
  }

  /** (rows, entries) w_i c(i→j) / n_i */
  private wideParts(
    rows: readonly number[],
    entries: readonly Entry[],
    domain: number,
  ): Float64Array {
    const { neighbours, items } = this.model;
    const parts = new Float64Array(rows.length * entries.length);
    if (this.places.length < items.size) this.places = new Int32Array(items.size * 2);
    const { places } = this;
    for (const [place, row] of rows.entries()) places[row] = place + 1;
    for (const [i, { row, wide }] of entries.entries()) {
      const list = neighbours.list(row, domain);
      if (list === undefined) continue;
      const { entries: others, size } = list;
      for (let at = 0; at < size * 2; at += 2) {
        const place = places[others[at]!]!;
        const count = others[at + 1]!;
        if (place > 0 && count > 0) parts[(place - 1) * entries.length + i] = wide * count;
      }
    }
    for (const row of rows) places[row] = 0;
    return parts;
  }

  /** Places of the largest parts above 0, the largest first, of equal ones the earlier. */
  private largest(parts: readonly number[]): number[] {
    const best: number[] = [];
    for (const [i, part] of parts.entries()) {
      if (!(part > 0)) continue;
      let at = best.length;
      while (at > 0 && parts[best[at - 1]!]! < part) at--;
      if (at >= this.named) continue;
      best.splice(at, 0, i);
      if (best.length > this.named) best.pop();
    }
    return best;
  }
}
