import { grown } from '../columns.js';
import { left } from '../encoders/decay.js';
import type { Encoder } from '../encoders/encoder.js';
import { encoderParameters } from '../encoders/parameters.js';
import { takesFitted } from '../fitting/ways.js';
import type { Model } from '../model.js';
import type { TimedHistory } from '../stacking/newest.js';
import { withFitted } from '../tower/keys.js';
import type { Trust } from '../trust/trust.js';
import type { DenseParameters, Tower, TowerInput } from '../types.js';
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

/** Histories in a batch of queries: from .. to - 1. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Collects pairs of user and target domain, and sends them through encoder and tower at once. Each
 * history is encoded once, however many targets it serves. Histories are copied when a user is added:
 * what is pushed into them later changes nothing here. Columns are kept from batch to batch: what it gives is good
 * until it is cleared.
 */
export class QueryBatch {
  private readonly model: Model;
  private readonly encoder: Encoder;
  private readonly isFitted: boolean;
  private readonly fittedParameters: DenseParameters;
  private histories = 0;
  private entries = 0;
  private slots = 0;
  private count = 0;
  /** (histories + 1) entries of history i: offsets[i] .. offsets[i + 1] - 1. */
  private offsets = new Int32Array(65);
  /** (histories) index of the domain, and log(1 + n_{u,s}). */
  private sources = new Int32Array(64);
  private evidence = new Float32Array(64);
  /** (entries) */
  private rows = new Int32Array(1024);
  /** (entries) as encoders and as walks take them. */
  private weights = new Float32Array(1024);
  private wholeWeights = new Float64Array(1024);
  /** (entries) milliseconds. */
  private ages = new Float64Array(1024);
  /** (examples) index of the domain. */
  private targets = new Int32Array(64);
  /** (examples) 1: through M. */
  private throughFitted = new Uint8Array(64);
  private fitted = 0;
  /** (slots) */
  private slotExample = new Int32Array(64);
  private slotHistory = new Int32Array(64);

  /** @param isFitted whether users who are new in a target go through the mappings that are fitted for them. */
  constructor(model: Model, encoder: Encoder, isFitted = false) {
    this.model = model;
    this.encoder = encoder;
    this.isFitted = isFitted;
    this.fittedParameters = withFitted(model);
  }

  /** Forgets all that was added. */
  clear(): void {
    this.histories = 0;
    this.entries = 0;
    this.slots = 0;
    this.count = 0;
    this.fitted = 0;
  }

  /**
   * The histories of a user: a range to be given to `addTarget`; empty if none of them has weight.
   * Their ages count from the user's newest event.
   */
  addUser(user: User): SlotRange {
    let newest = Number.NEGATIVE_INFINITY;
    for (const { times } of user.histories) {
      for (let i = 0; i < times.length; i++) newest = Math.max(newest, times[i]!);
    }
    return this.addHistories(user.histories, newest);
  }

  /** As `addUser`, of these histories, with ages as of `nowMs`. */
  addHistories(histories: readonly PastEvents[], nowMs: number): SlotRange {
    const from = this.histories;
    for (let i = 0; i < histories.length; i++) this.addHistory(histories[i]!, nowMs, null);
    return { from, to: this.histories };
  }

  /**
   * As `addHistories`, of one that has faded by that half-life in days (0: not at all) and is of no age any more, so
   * that an encoder makes it fade no further.
   */
  addFaded(history: PastEvents, nowMs: number, halfLifeDays: number): SlotRange {
    const from = this.histories;
    this.addHistory(history, nowMs, halfLifeDays);
    return { from, to: this.histories };
  }

  private addHistory(
    { domain, count, rows, weights, times }: PastEvents,
    nowMs: number,
    fadedDays: number | null,
  ): void {
    const { histories, entries: start } = this;
    this.reserveEntries(start + rows.length);
    const { rows: toRows, weights: toWeights, wholeWeights, ages } = this;
    let at = start;
    for (let i = 0; i < rows.length; i++) {
      const age = Math.max(0, nowMs - times[i]!);
      const weight = fadedDays === null ? weights[i]! : weights[i]! * left(age, fadedDays);
      if (weight <= 0) continue;
      toRows[at] = rows[i]!;
      toWeights[at] = weight;
      wholeWeights[at] = weight;
      ages[at++] = fadedDays === null ? age : 0;
    }
    if (at === start) return;
    this.offsets = grown(this.offsets, histories + 2);
    this.sources = grown(this.sources, histories + 1);
    this.evidence = grown(this.evidence, histories + 1);
    this.sources[histories] = domain;
    this.evidence[histories] = Math.log1p(count);
    this.offsets[histories + 1] = at;
    this.histories = histories + 1;
    this.entries = at;
  }

  /**
   * The number of the example: these histories, or those of them that are trusted, looking at this domain.
   *
   * @param fitted Whether they go through M; default: as who is new in the domain does who was most often in the domain
   * where this user was (fitting/ways.ts).
   */
  addTarget(histories: SlotRange, domain: number, trust?: Trust, fitted?: boolean): number {
    const example = this.count++;
    this.targets = grown(this.targets, this.count);
    this.targets[example] = domain;
    const newcomer = this.slotOf(histories, domain) < 0;
    let most = -1;
    for (let i = histories.from; i < histories.to; i++) {
      if (trust !== undefined && !trust.of(this.sources[i]!, domain, newcomer)) continue;
      const slot = this.slots++;
      this.slotExample = grown(this.slotExample, this.slots);
      this.slotHistory = grown(this.slotHistory, this.slots);
      this.slotExample[slot] = example;
      this.slotHistory[slot] = i;
      if (most < 0 || this.evidence[i]! > this.evidence[most]!) most = i;
    }
    const through =
      fitted ??
      (newcomer &&
        this.isFitted &&
        most >= 0 &&
        takesFitted(this.model, this.sources[most]!, domain));
    this.throughFitted = grown(this.throughFitted, this.count);
    this.throughFitted[example] = through ? 1 : 0;
    this.fitted += this.throughFitted[example]!;
    return example;
  }

  /** The place of the history in a domain, if it is in the range; else -1. */
  slotOf({ from, to }: SlotRange, domain: number): number {
    for (let i = from; i < to; i++) if (this.sources[i] === domain) return i;
    return -1;
  }

  /** The histories of a range, as a walk takes them. */
  historiesOf({ from, to }: SlotRange): LikedHistory[] {
    return Array.from({ length: to - from }, (_, i) => {
      const start = this.offsets[from + i]!;
      const end = this.offsets[from + i + 1]!;
      return {
        domain: this.sources[from + i]!,
        rows: this.rows.subarray(start, end),
        weights: this.wholeWeights.subarray(start, end),
        times: this.ages.subarray(start, end).map((age) => -age),
      };
    });
  }

  get examples(): number {
    return this.count;
  }

  /** One pass through the encoder for all that was added, and one through the tower for newcomers and for the others. */
  run(tower: Tower): Queries {
    const { model, count, slots, slotExample } = this;
    const query = new Float32Array(count * model.dimension);
    if (count === 0) return { query, transferOf: () => [] };
    const gate = new Float32Array(slots);
    const encoded = this.encode(tower);
    if (this.fitted < count) this.pass(tower, model, 0, encoded, query, gate);
    if (this.fitted > 0) this.pass(tower, this.fittedParameters, 1, encoded, query, gate);
    const starts = new Int32Array(count + 1);
    for (let slot = 0; slot < slots; slot++) starts[slotExample[slot]! + 1]!++;
    for (let e = 0; e < count; e++) starts[e + 1]! += starts[e]!;
    return {
      query,
      transferOf: (example) => {
        const transfer: { domain: number; weight: number }[] = [];
        for (let slot = starts[example]!; slot < starts[example + 1]!; slot++) {
          const domain = this.sources[this.slotHistory[slot]!]!;
          transfer.push({ domain, weight: gate[slot]! });
        }
        return transfer;
      },
    };
  }

  /** Sends the examples of one kind through the tower; writes their queries, and the gate of their slots. */
  private pass(
    tower: Tower,
    parameters: DenseParameters,
    kind: 0 | 1,
    encoded: Float32Array,
    query: Float32Array,
    gate: Float32Array,
  ): void {
    const d = this.model.dimension;
    const { input, examples, slots } = this.towerInput(kind, encoded);
    const pass = tower.forward(input, parameters);
    for (let i = 0; i < input.examples; i++) {
      const [from, to] = [i * d, examples[i]! * d];
      for (let k = 0; k < d; k++) query[to + k] = pass.query[from + k]!;
    }
    for (let i = 0; i < input.slots; i++) gate[slots[i]!] = pass.gate[i]!;
    pass.dispose();
  }

  /** What the tower gets of one kind, and the numbers that its examples and slots have here. */
  private towerInput(
    kind: 0 | 1,
    encoded: Float32Array,
  ): { input: TowerInput; examples: Int32Array; slots: Int32Array } {
    const d = this.model.dimension;
    const examples = new Int32Array(this.count);
    const numbers = new Int32Array(this.count);
    const targets = new Int32Array(this.count);
    let count = 0;
    for (let example = 0; example < this.count; example++) {
      if (this.throughFitted[example] !== kind) continue;
      numbers[example] = count;
      targets[count] = this.targets[example]!;
      examples[count++] = example;
    }
    const slots = new Int32Array(this.slots);
    const x = new Float32Array(this.slots * d);
    const slotExample = new Int32Array(this.slots);
    const slotSource = new Int32Array(this.slots);
    const slotEvidence = new Float32Array(this.slots);
    let n = 0;
    for (let slot = 0; slot < this.slots; slot++) {
      const example = this.slotExample[slot]!;
      if (this.throughFitted[example] !== kind) continue;
      const history = this.slotHistory[slot]!;
      const [from, to] = [history * d, n * d];
      for (let k = 0; k < d; k++) x[to + k] = encoded[from + k]!;
      slotExample[n] = numbers[example]!;
      slotSource[n] = this.sources[history]!;
      slotEvidence[n] = this.evidence[history]!;
      slots[n++] = slot;
    }
    const input = {
      examples: count,
      targets: targets.subarray(0, count),
      slots: n,
      slotExample: slotExample.subarray(0, n),
      slotSource: slotSource.subarray(0, n),
      slotEvidence: slotEvidence.subarray(0, n),
      x: x.subarray(0, n * d),
    };
    return { input, examples, slots };
  }

  /** (histories, d) what the encoder makes of each history that was added. */
  encode(tower: Tower): Float32Array {
    const { model, histories: slots, entries } = this;
    const histories = {
      slots,
      offsets: this.offsets.subarray(0, slots + 1),
      rows: this.rows.subarray(0, entries),
      weights: this.weights.subarray(0, entries),
      ages: this.ages.subarray(0, entries),
      sources: this.sources.subarray(0, slots),
    };
    return this.encoder.forward(histories, encoderParameters(model, tower)).x;
  }

  private reserveEntries(entries: number): void {
    if (entries <= this.rows.length) return;
    this.rows = grown(this.rows, entries);
    this.weights = grown(this.weights, entries);
    this.wholeWeights = grown(this.wholeWeights, entries);
    this.ages = grown(this.ages, entries);
  }
}
