import type { BlendWeights } from '../blend/blend.js';
import type { Likeness, LikenessWeights } from '../content/likeness.js';
import type { Model } from '../model.js';

/** log(1 + c) for small counts, which is nearly all of them. */
const LOGS = Float64Array.from({ length: 4096 }, (_, count) => Math.log1p(count));

export function log1pCount(count: number): number {
  return count < LOGS.length ? LOGS[count]! : Math.log1p(count);
}

/**
 * The part of an item's score that no user changes, for all items of a domain:
 *
 *     base_j = β b_j + π log(1 + c_j)
 *
 * with the weights of a blend (blend/blend.ts), c_j the item's positive events, N_t those of the domain
 * and M_t its items.
 */
export interface DomainPriors {
  /** The domain's rows, in the order of `servedRows`; (length) of them are in use. */
  readonly rows: Int32Array;
  readonly length: number;
  /** (length) base_j */
  readonly base: Float32Array;
  /** (length) log(1 + c_j) */
  readonly logs: Float32Array;
  /** (length) |v_j| */
  readonly norms: Float32Array;
  /** By row of the table: its place above, for the domain's rows. */
  readonly places: Int32Array;
  /** What base_j has more for a user at the most: 0, or of likeness (`withLikeness`). */
  readonly more: number;
  /** -π · log(N_t + M_t): makes a probability of popularity of base_j, for β = 0 and π = 1. */
  readonly constant: number;
}

/** base_j of a place, for a user of whom popularity weighs so much more than in the priors. */
export function baseOf({ base, logs }: DomainPriors, place: number, popularity: number): number {
  return base[place]! + popularity * logs[place]!;
}

/** Where a row stands in the domain's rows; -1: it is none of them. */
export function placeOf({ rows, length, places }: DomainPriors, row: number): number {
  const place = places[row]!;
  return place < length && rows[place] === row ? place : -1;
}

/**
 * The rows of a domain that may be in a list: those with events, in the order of their first one, then
 * those of which the catalogue tells and that nobody has touched yet.
 */
export function servedRows(
  model: Model,
  domain: number,
): { readonly rows: Int32Array; readonly length: number } {
  const touched = model.rowsOf(domain);
  if (model.content.isEmpty) return touched;
  const { counts } = model.items;
  const others: number[] = [];
  for (const row of model.content.rowsOf(domain)) if (!(counts[row]! > 0)) others.push(row);
  if (others.length === 0) return touched;
  const rows = new Int32Array(touched.length + others.length);
  rows.set(touched.rows.subarray(0, touched.length));
  rows.set(others, touched.length);
  return { rows, length: rows.length };
}

/** Computes a domain's priors once per revision of the model, and tells walks the facts of its rows. */
export class Priors {
  private readonly model: Model;
  private readonly known = new Map<number, Known>();

  constructor(model: Model) {
    this.model = model;
  }

  of(domain: number, weights: BlendWeights): DomainPriors {
    const { model } = this;
    const { room } = model.neighbours;
    room.reserve(model.items.size);
    const { revision } = model;
    const { generation } = room;
    const last = this.known.get(domain);
    if (last !== undefined && last.revision === revision && last.generation === generation) {
      return last.priors;
    }
    const { rows, length } = servedRows(model, domain);
    const { biases, counts, norms: normsByRow } = model.items;
    const { popularity, bias } = weights;
    const fits = last !== undefined && last.priors.base.length >= length;
    const capacity = Math.ceil(length * 1.25);
    const base = fits ? last.priors.base : new Float32Array(capacity);
    const logs = fits ? last.priors.logs : new Float32Array(capacity);
    const norms = fits ? last.priors.norms : new Float32Array(capacity);
    const { size } = model.items;
    const fitsTable = last !== undefined && last.priors.places.length >= size;
    const places = fitsTable ? last.priors.places : new Int32Array(Math.ceil(size * 1.25));
    for (let i = 0; i < length; i++) {
      const row = rows[i]!;
      places[row] = i;
      const logCount = log1pCount(counts[row]!);
      logs[i] = logCount;
      base[i] = bias * biases[row]! + popularity * logCount;
      norms[i] = normsByRow[row]!;
      room.setFacts(
        row,
        biases[row]!,
        logCount,
        norms[i]!,
        1 / Math.sqrt(Math.max(1, counts[row]!)),
      );
    }
    const items = model.rowsOf(domain).length;
    const constant = -popularity * Math.log(Math.max(1, model.eventsOf(domain) + items));
    const priors = { rows, length, base, logs, norms, places, constant, more: 0 };
    this.known.set(domain, { revision, generation, priors });
    return priors;
  }
}

/**
 * The priors with what likeness adds for one user as part of base_j: a scan and whoever scores beside it then have it
 * in their scores and bounds.
 *
 * @param base Room for (length) of them.
 */
export function withLikeness(
  priors: DomainPriors,
  domain: number,
  likeness: Likeness,
  weights: LikenessWeights,
  base: Float32Array,
): DomainPriors {
  const { rows, length } = priors;
  base.set(priors.base.subarray(0, length));
  const more = likeness.addTo(base, rows, length, domain, weights);
  return { ...priors, base, more };
}

interface Known {
  readonly revision: number;
  /** Of the facts. */
  readonly generation: number;
  readonly priors: DomainPriors;
}
