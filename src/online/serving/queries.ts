import type { Encoder } from '../encoders/encoder.js';
import { encoderParameters } from '../encoders/parameters.js';
import type { Model } from '../model.js';
import type { TimedHistory } from '../stacking/leaning.js';
import type { Trust } from '../trust/trust.js';
import type { Tower, TowerInput } from '../types.js';
import type { User } from '../user.js';
import type { WalkHistory } from '../wide/walk.js';

/** What one user touched in one domain, oldest first; a DomainHistory is one. */
export interface PastEvents {
  /** Index of the domain. */
  readonly domain: number;
  /** n_{u,s}: positive events ever. */
  readonly count: number;
  readonly rows: ArrayLike<number>;
  /** In [0, 1]; 0 counts for nothing. */
  readonly weights: ArrayLike<number>;
  /** Milliseconds. */
  readonly times: ArrayLike<number>;
}

/** What the tower made of a batch of (user, target domain) pairs. */
export interface Queries {
  /** (examples, d) */
  readonly query: Float32Array;
  /** Gate weights of an example by source domain. */
  transferOf(example: number): { domain: number; weight: number }[];
}

/** What a user liked in one domain, as a walk and a leaning take it. */
export type LikedHistory = WalkHistory & TimedHistory;

/**
 * What the user liked, as a walk takes it: the histories themselves where nothing in them weighs 0, so
 * good until the user changes. Those of the range that `addUser` returns, in its order.
 */
export function likedOf(user: User): LikedHistory[] {
  const liked: LikedHistory[] = [];
  for (const history of user.histories) {
    const { domain, rows, weights, times } = history;
    let positive = 0;
    for (let i = 0; i < weights.length; i++) if (weights[i]! > 0) positive++;
    if (positive === 0) continue;
    if (positive === weights.length) liked.push(history);
    else {
      liked.push({
        domain,
        rows: rows.filter((_, i) => weights[i]! > 0),
        weights: weights.filter((weight) => weight > 0),
        times: times.filter((_, i) => weights[i]! > 0),
      });
    }
  }
  return liked;
}

/**
 * Collects pairs of user and target domain, and sends them through encoder and tower at once. Each
 * history is encoded once, however many targets it serves. Histories are copied when a user is added:
 * what is pushed into them later changes nothing here.
 */
export class QueryBatch {
  private readonly model: Model;
  private readonly encoder: Encoder;
  private readonly offsets: number[] = [0];
  private readonly rows: number[] = [];
  private readonly weights: number[] = [];
  private readonly ages: number[] = [];
  private readonly sources: number[] = [];
  private readonly evidence: number[] = [];
  private readonly targets: number[] = [];
  private readonly slotExample: number[] = [];
  private readonly slotHistory: number[] = [];

  constructor(model: Model, encoder: Encoder) {
    this.model = model;
    this.encoder = encoder;
  }

  /**
   * The histories of a user: a range to be given to `addTarget`; empty if none of them has weight.
   * Their ages count from the user's newest event.
   */
  addUser(user: User): { from: number; to: number } {
    let newest = Number.NEGATIVE_INFINITY;
    for (const { times } of user.histories) {
      for (let i = 0; i < times.length; i++) newest = Math.max(newest, times[i]!);
    }
    return this.addHistories(user.histories, newest);
  }

  /** As `addUser`, of these histories, with ages as of `nowMs`. */
  addHistories(histories: Iterable<PastEvents>, nowMs: number): { from: number; to: number } {
    const from = this.sources.length;
    for (const history of histories) {
      const start = this.rows.length;
      for (let i = 0; i < history.rows.length; i++) {
        const weight = history.weights[i]!;
        if (weight <= 0) continue;
        this.rows.push(history.rows[i]!);
        this.weights.push(weight);
        this.ages.push(Math.max(0, nowMs - history.times[i]!));
      }
      if (this.rows.length === start) continue;
      this.offsets.push(this.rows.length);
      this.sources.push(history.domain);
      this.evidence.push(Math.log1p(history.count));
    }
    return { from, to: this.sources.length };
  }

  /** The number of the example: these histories, or those of them that are trusted, looking at this domain. */
  addTarget(histories: { from: number; to: number }, domain: number, trust?: Trust): number {
    const example = this.targets.length;
    this.targets.push(domain);
    const newcomer = trust !== undefined && this.slotOf(histories, domain) < 0;
    for (let i = histories.from; i < histories.to; i++) {
      if (trust !== undefined && !trust.of(this.sources[i]!, domain, newcomer)) continue;
      this.slotExample.push(example);
      this.slotHistory.push(i);
    }
    return example;
  }

  /** The place of the history in a domain, if it is in the range; else -1. */
  slotOf({ from, to }: { from: number; to: number }, domain: number): number {
    for (let i = from; i < to; i++) if (this.sources[i] === domain) return i;
    return -1;
  }

  /** The histories of a range, as a walk takes them. */
  historiesOf({ from, to }: { from: number; to: number }): LikedHistory[] {
    return Array.from({ length: to - from }, (_, i) => {
      const start = this.offsets[from + i]!;
      const end = this.offsets[from + i + 1]!;
      return {
        domain: this.sources[from + i]!,
        rows: this.rows.slice(start, end),
        weights: this.weights.slice(start, end),
        times: this.ages.slice(start, end).map((age) => -age),
      };
    });
  }

  get examples(): number {
    return this.targets.length;
  }

  /** One pass through encoder and tower for all that was added. */
  run(tower: Tower): Queries {
    const { model } = this;
    if (this.targets.length === 0) {
      return { query: new Float32Array(0), transferOf: () => [] };
    }
    const input = this.towerInput(tower);
    const pass = tower.forward(input, model);
    const query = new Float32Array(pass.query);
    const gate = new Float32Array(pass.gate);
    pass.dispose();
    const starts = new Int32Array(input.examples + 1);
    for (const example of input.slotExample) starts[example + 1]!++;
    for (let e = 0; e < input.examples; e++) starts[e + 1]! += starts[e]!;
    return {
      query,
      transferOf: (example) => {
        const transfer: { domain: number; weight: number }[] = [];
        for (let slot = starts[example]!; slot < starts[example + 1]!; slot++) {
          transfer.push({ domain: input.slotSource[slot]!, weight: gate[slot]! });
        }
        return transfer;
      },
    };
  }

  private towerInput(tower: Tower): TowerInput {
    const d = this.model.dimension;
    const encoded = this.encode(tower);
    const slots = this.slotHistory.length;
    const x = new Float32Array(slots * d);
    const slotSource = new Int32Array(slots);
    const slotEvidence = new Float32Array(slots);
    for (let slot = 0; slot < slots; slot++) {
      const history = this.slotHistory[slot]!;
      x.set(encoded.subarray(history * d, (history + 1) * d), slot * d);
      slotSource[slot] = this.sources[history]!;
      slotEvidence[slot] = this.evidence[history]!;
    }
    return {
      examples: this.targets.length,
      targets: new Int32Array(this.targets),
      slots,
      slotExample: new Int32Array(this.slotExample),
      slotSource,
      slotEvidence,
      x,
    };
  }

  private encode(tower: Tower): Float32Array {
    const { model } = this;
    const histories = {
      slots: this.sources.length,
      offsets: new Int32Array(this.offsets),
      rows: new Int32Array(this.rows),
      weights: new Float32Array(this.weights),
      ages: new Float64Array(this.ages),
      sources: new Int32Array(this.sources),
    };
    return this.encoder.forward(histories, encoderParameters(model, tower)).x;
  }
}
