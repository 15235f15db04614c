import type { Model } from '../model.js';
import type { Reach } from '../serving/scan.js';
import { likesAny } from '../user.js';
import { kthLargest } from './select.js';
import { convex, type WalkRoom } from './walk-room.js';
import type { ScoreBound } from './words.js';

/** Items of one history, with their weights. */
export interface WalkHistory {
  /** Index of the domain. */
  readonly domain: number;
  readonly rows: ArrayLike<number>;
  /** In [0, 1]. */
  readonly weights: ArrayLike<number>;
}

/** Weights of what a walk adds to a score; see blend/blend.ts. */
export interface WalkWeights {
  readonly lift: number;
  readonly walk: number;
  /** Above 0 only where the walk was run for cosines. */
  readonly cosine: number;
  /** Taken off. */
  readonly discount: number;
}

/** Weights of what a bound of a score is made of. */
export interface ReachWeights extends WalkWeights {
  readonly popularity: number;
  readonly bias: number;
}

export interface WalkOptions {
  /** A walk starts from so many of the newest items of each history. */
  readonly liftItems: number;
  /** A second step leads on from the neighbours of so many of those; 0: one step alone. */
  readonly walkItems: number;
  /** In place of both for users who have liked nothing in the domain ... */
  readonly newcomerItems: number;
  /** ... and of `walkBridges`. */
  readonly newcomerBridges: number;
  /** So many of these neighbours, those that the first step reaches most. */
  readonly walkBridges: number;
  /** It is taken where the first finds less than so much: Σ p1. */
  readonly walkBelow: number;
  /** Whoever has liked nothing in the domain walks a third step where the first two find less than so much: Σ p1 + Σ p2. */
  readonly thirdStepBelow: number;
}

/** What cosines are multiplied with. */
const PER_COSINE = 3;
/** As if so much had been seen beside the user's items and led nowhere. */
const PSEUDO_MASS = 5;

/**
 * Where the steps of a walk over the items seen together lead from a user's items i:
 *
 *     p1(j) = Σ_i w_i c(i→j) / n_i     over the `liftItems` newest i of each history
 *     a(k)  = Σ_i w_i c(i→k) / n_i     over the `walkItems` newest i of each history
 *     p2(j) = Σ_k a(k) c(k→j) / n_k    over the `walkBridges` largest a(k)
 *
 * with n the items' positive events, j of the target domain, and k of the target's or of i's own.
 * Each, against what would come of as many steps if they led anywhere alike, is
 *
 *     lift(j) = log(1 + M/100 · p1(j) / (5 + Σ p1))
 *     walk(j) = log(1 + M/10 · (p1(j) + p2(j) + p3(j)) / (5 + Σ p1 + Σ p2 + Σ p3))
 *
 * for M items of the domain, p2 = 0 where Σ p1 is `walkBelow` or more (whoever has led a life in both
 * domains needs no second step, which costs many times the first). Beside them, where it is asked for,
 * stands how like those i the item is, as item-kNN has it (Deshpande, Karypis 2004):
 *
 *     cosine(j) = x² / (1 + x)        x = log(1 + 3 Σ_i w_i c(i→j) / √(n_i n_j))
 *
 * and against them
 *
 *     discount(j) = log(1 + M/2000 · p1(j))
 *
 * which is large for what is seen beside everything, and of whoever has done much: what the walk adds is then for what is near in
 * particular. All of it together adds nothing below 0.
 *
 * Of users who have liked nothing in the domain, all of it starts from the `newcomerItems` newest i and
 * the second step leads over `newcomerBridges` k, whatever Σ p1 is: there, what is older still tells
 * something. Where both together find less than `thirdStepBelow`, as where few users are in both domains, a third step leads on
 *
 *     p3(j) = Σ_k (p1(k) + p2(k)) c(k→j) / n_k
 *
 * over the `newcomerBridges` k of the target's with the largest p1 + p2; p3 = 0 elsewhere. Lift and walk are ratios, so that they mean the same in dense data and in thin, where weights of raw counts that suit the one are
 * ten times off in the other.
 *
 * Sums over k are exact, and of those k that are reached alike those go first whose key has the smaller hash, so nothing
 * depends on where the lists have their entries. What a `run` found is there until the next run of any walk over
 * the same model.
 */
export class Walk {
  private readonly model: Model;
  private readonly options: WalkOptions;
  private readonly room: WalkRoom;
  private ranks = new Float64Array(256);
  private readonly bound: { -readonly [K in keyof ScoreBound]: number } = {
    popularity: 0,
    bias: 0,
    lift: 0,
    walk: 0,
    reach: 0,
    saturation: 0,
    perOne: 0,
    perTwo: 0,
    cosine: 0,
    perCosine: PER_COSINE,
    discount: 0,
    perDiscount: 0,
    bar: 0,
  };
  private perOne = 0;
  private perTwo = 0;
  private perDiscount = 0;

  constructor(model: Model, options: WalkOptions) {
    this.model = model;
    this.options = options;
    this.room = model.neighbours.room;
  }

  /** @param weights what `added` will be asked with: cosines are summed up only where they weigh. */
  run(
    histories: readonly WalkHistory[],
    target: number,
    weights: { readonly cosine: number } = { cosine: 0 },
  ): void {
    const { model, options, room } = this;
    room.begin(model.items.size);
    const newcomer = !histories.some((history) => history.domain === target && likesAny(history));
    const items = newcomer ? options.newcomerItems : options.liftItems;
    this.setOut(histories, items, null);
    const massOne = room.stepOne(target);
    if (weights.cosine > 0) {
      this.setOut(histories, items, null, Math.sqrt);
      room.addCosines(target);
    }
    const second = options.walkItems > 0 && (newcomer || massOne < options.walkBelow);
    const [starts, bridges] = newcomer
      ? [options.newcomerItems, options.newcomerBridges]
      : [options.walkItems, options.walkBridges];
    let further = second ? this.secondStep(histories, target, starts, bridges) : 0;
    if (second && newcomer && massOne + further < options.thirdStepBelow) {
      room.stepOn();
      further += this.leadOver(bridges, target);
    }
    const { length } = model.rowsOf(target);
    this.perDiscount = length / 2000;
    this.perOne = length / 100 / (PSEUDO_MASS + massOne);
    this.perTwo = length / 10 / (PSEUDO_MASS + massOne + further);
  }

  /** What they add to a score with these weights. */
  added(row: number, weights: WalkWeights): number {
    const { doubles, masses } = this.room;
    const at = masses / 2 + row * 2;
    const one = doubles[at]!;
    const both = one + doubles[at + 1]!;
    // Nothing is reached by cosines alone: they are sums over the first step.
    if (both === 0) return 0;
    const lift = weights.lift === 0 || one === 0 ? 0 : weights.lift * Math.log1p(this.perOne * one);
    const walk = weights.walk === 0 ? 0 : weights.walk * Math.log1p(this.perTwo * both);
    const cosine =
      weights.cosine === 0 ? 0 : weights.cosine * convex(Math.log1p(PER_COSINE * this.cosine(row)));
    if (weights.discount === 0) return lift + walk + cosine;
    return Math.max(
      0,
      lift + walk + cosine - weights.discount * Math.log1p(this.perDiscount * one),
    );
  }

  /** Σ_i w_i c(i→j) / √(n_i n_j) */
  private cosine(row: number): number {
    const { doubles, cosines } = this.room;
    return doubles[cosines / 2 + row]! / Math.sqrt(Math.max(1, this.model.items.counts[row]!));
  }

  /**
   * Rows reached whose score may come up to `bar`, some at a time: looks from number `from` on, writes
   * them to `out` (room for MOST_FOUND), and to `most` what `added` is at most for each, and says how many there are and
   * where to go on. The score is π log(1 + c_j) + β b_j, at most reach · |v_j|, and `added`; the model's facts must be
   * told (Priors).
   */
  reaching(
    from: number,
    weights: ReachWeights,
    { reach, saturation }: Reach,
    bar: number,
    out: Int32Array,
    most: Float64Array,
  ): { found: number; next: number } {
    const { room, bound } = this;
    bound.popularity = weights.popularity;
    bound.bias = weights.bias;
    bound.lift = weights.lift;
    bound.walk = weights.walk;
    bound.cosine = weights.cosine;
    bound.discount = weights.discount;
    bound.perDiscount = this.perDiscount;
    bound.perOne = this.perOne;
    bound.perTwo = this.perTwo;
    bound.reach = reach;
    bound.saturation = saturation;
    bound.bar = bar;
    const next = room.reaching(from, bound);
    const { words, doubles, found: at, added } = room;
    const found = words[at]!;
    for (let i = 0; i < found; i++) {
      out[i] = words[at + 1 + i]!;
      most[i] = doubles[added / 2 + i]!;
    }
    return { found, next };
  }

  /** How many rows it led to. */
  get length(): number {
    return this.room.length;
  }

  /** p1(j) + p2(j) + p3(j): above 0 where the walk led to. */
  mass(row: number): number {
    const { doubles, masses } = this.room;
    const at = masses / 2 + row * 2;
    return doubles[at]! + doubles[at + 1]!;
  }

  /**
   * Makes starts of the newest items of the histories, oldest first.
   *
   * @param target bridges stand there and in each item's own domain; null: none are looked for
   * @param divisor what weights are divided by, given n_i
   */
  private setOut(
    histories: readonly WalkHistory[],
    limit: number,
    target: number | null,
    divisor: (count: number) => number = identity,
  ): void {
    const { room, model } = this;
    const { counts } = model.items;
    room.beginStarts(histories.length * limit);
    for (const { domain, rows, weights } of histories) {
      const own = target === null || domain === target ? -1 : domain;
      for (let i = Math.max(0, rows.length - limit); i < rows.length; i++) {
        const row = rows[i]!;
        const weight = weights[i]!;
        if (weight > 0) room.addStartAt(row, own, weight / divisor(Math.max(1, counts[row]!)));
      }
    }
  }

  private secondStep(
    histories: readonly WalkHistory[],
    target: number,
    starts: number,
    bridges: number,
  ): number {
    this.setOut(histories, starts, target);
    this.room.stepOut(target);
    return this.leadOver(bridges, target);
  }

  /** A step from so many of the bridges, those that are reached most. */
  private leadOver(bridges: number, target: number): number {
    const { room } = this;
    const { counts } = this.model.items;
    const leading = this.widest(bridges);
    room.beginStarts(leading);
    const { words, doubles, start } = room;
    for (let b = 0; b < leading; b++) {
      const bridge = words[room.bridges + b]!;
      room.addStartAt(bridge, -1, doubles[start / 2 + bridge]! / Math.max(1, counts[bridge]!));
    }
    return room.stepTwo(target);
  }

  /** Puts so many bridges that are reached most first; returns how many of them lead on. */
  private widest(limit: number): number {
    const { words, doubles, bridges, start, bridgeCount } = this.room;
    if (bridgeCount <= limit) return bridgeCount;
    if (this.ranks.length < bridgeCount) this.ranks = new Float64Array(bridgeCount * 2);
    const from = start / 2;
    for (let b = 0; b < bridgeCount; b++) this.ranks[b] = doubles[from + words[bridges + b]!]!;
    const least = kthLargest(this.ranks, bridgeCount, limit);
    const all = words.subarray(bridges, bridges + bridgeCount);
    let above = 0;
    let tied = 0;
    for (let b = 0; b < bridgeCount; b++) {
      const row = all[b]!;
      const value = doubles[from + row]!;
      if (value < least) continue;
      // Those above come first, those that equal the least behind them.
      all[b] = all[tied]!;
      all[tied] = row;
      if (value > least) {
        all[tied] = all[above]!;
        all[above++] = row;
      }
      tied++;
    }
    if (tied > limit) this.breakTies(all.subarray(above, tied), limit - above);
    return limit;
  }

  /** Puts so many first of rows that are alike otherwise: those whose key has the smaller hash. */
  private breakTies(tied: Int32Array, wanted: number): void {
    const { model, ranks } = this;
    const { neighbours } = model;
    for (let i = 0; i < tied.length; i++) ranks[i] = -neighbours.hash(tied[i]!);
    const last = -kthLargest(ranks, tied.length, wanted);
    const below = toFront(tied, 0, (row) => neighbours.hash(row) < last);
    const same = toFront(tied, below, (row) => neighbours.hash(row) === last);
    if (same > wanted) {
      tied.subarray(below, same).sort((a, b) => (model.key(a) < model.key(b) ? -1 : 1));
    }
  }
}

function identity(count: number): number {
  return count;
}

/** Moves the rows from `first` on that are wanted to the front; returns where they end. */
function toFront(rows: Int32Array, first: number, wanted: (row: number) => boolean): number {
  let end = first;
  for (let i = first; i < rows.length; i++) {
    const row = rows[i]!;
    if (!wanted(row)) continue;
    rows[i] = rows[end]!;
    rows[end++] = row;
  }
  return end;
}
