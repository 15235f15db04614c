import { Blend, type BlendWeights } from './blend/blend.js';
import type { BlendOptions } from './blend/options.js';
import type { Encoder } from './encoders/encoder.js';
import { meanEncoder } from './encoders/mean.js';
import { dotsOfRows } from './kernels/simd-dots.js';
import type { Model } from './model.js';
import { bucketOf } from './prequential-summary.js';
import { Random } from './random.js';
import type { Rival } from './rivals.js';
import { log1pCount } from './serving/priors.js';
import { QueryBatch, type SlotRange } from './serving/queries.js';
import type { TimedHistory } from './stacking/newest.js';
import type { PrequentialSample, Tower } from './types.js';
import type { User } from './user.js';

export interface PrequentialOptions {
  readonly seed: number;
  /** Random items that the true one is ranked among; default 999. */
  readonly negatives?: number;
  /** Default: the mean encoder. Must be the learner's. */
  readonly encoder?: Encoder;
  /** First weights of the blend; must be the learner's. */
  readonly blend?: Partial<BlendOptions>;
  /** Scorers that rank the same candidates; default none. */
  readonly rivals?: readonly Rival[];
}

/** What is known of a user, looking at a domain. */
interface Known {
  /** Index of the domain. */
  readonly domain: number;
  /** What its scores are blended with. */
  readonly weights: BlendWeights;
  /** What the user had done. */
  readonly histories: readonly TimedHistory[];
  /** Number in the batch of queries; -1 for a user of whom nothing is known. */
  readonly example: number;
}

interface Captured extends Known {
  readonly row: number;
  readonly bucket: PrequentialSample['bucket'];
  /** What is in the user's ring of the event's domain. */
  readonly touched: readonly number[];
  /** What the user did in the event's domain alone; null where it is not looked at. */
  readonly apart: Known | null;
  readonly without: ReadonlySet<number>;
}

/** One event in so many is looked at without transfer too. */
const APART_EVERY = 4;

/** What users come back to a tenth as often as by chance scores so much more: it is as good as left out. */
const SELDOM = -Math.log(10);

const NONE: ReadonlySet<number> = new Set();

/**
 * Test-then-train: how well the model as it stands foresees events that it has not learned yet.
 *
 * For an event of user u with item j in domain t: the rank of j by logit (see Recommender) among 999
 * other random items of t that have events, or all if there are fewer; ties count against us. Items
 * in u's history are not left out, but score less where the domain's users do not come back to theirs
 * (repeats/repeats.ts). The same candidates are ranked by popularity. A user of whom nothing is known would
 * get popular items, so there both ranks are the same. Further
 *
 *     logLoss = -log(exp s_j / Σ_c exp s_c) over all candidates c, in nats; knowing nothing: log(1000)
 *     auc     = share of the others below j, ties half; 1/2 if there are no others
 *
 * Candidates are drawn from PRNG(seed, topic, partition, first offset).
 */
export class Prequential {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly seed: number;
  private readonly blend: Blend;
  private readonly rivals: readonly Rival[];
  /** Of the scoring at hand. */
  private readonly batch: QueryBatch;
  private readonly candidates: CandidateSampler;

  constructor(model: Model, tower: Tower, options: PrequentialOptions) {
    this.model = model;
    this.tower = tower;
    this.seed = options.seed;
    this.blend = new Blend(model, options.blend);
    this.rivals = options.rivals ?? [];
    this.batch = new QueryBatch(model, options.encoder ?? meanEncoder, this.blend.isFitted);
    this.candidates = new CandidateSampler(options.negatives ?? 999);
  }

  /**
   * Starts the scoring of one mini-batch, which ends the one before. The model must not change until it is finished.
   */
  begin(topic: string, partition: number, firstOffset: bigint): PrequentialScoring {
    this.model.settle();
    this.batch.clear();
    this.candidates.begin(Random.of('prequential', this.seed, topic, partition, firstOffset));
    return new PrequentialScoring(
      this.model,
      this.tower,
      this.batch,
      this.blend,
      this.candidates,
      this.rivals,
    );
  }
}

/** The scoring of one mini-batch: one pass through the tower for all its events. */
export class PrequentialScoring {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly batch: QueryBatch;
  private readonly blend: Blend;
  private readonly captured: Captured[] = [];
  private readonly candidates: CandidateSampler;
  private readonly rivals: readonly Rival[];

  constructor(
    model: Model,
    tower: Tower,
    batch: QueryBatch,
    blend: Blend,
    candidates: CandidateSampler,
    rivals: readonly Rival[] = [],
  ) {
    this.model = model;
    this.tower = tower;
    this.batch = batch;
    this.blend = blend;
    this.candidates = candidates;
    this.rivals = rivals;
  }

  /**
   * Takes an event down, before it is pushed into the user's history: what the user did is copied.
   *
   * @param without Rows that are not to be among the others: further true ones, say.
   */
  add(user: User, row: number, without: ReadonlySet<number> = NONE): void {
    const domain = this.model.domainOf(row);
    const own = user.history(domain);
    const events = own?.count ?? 0;
    const touched = own?.rows.slice() ?? [];
    const histories = this.batch.addUser(user);
    const known = this.known(histories, domain, events);
    const looked = this.captured.length % APART_EVERY === 0;
    const apart = looked ? this.apart(histories, domain, events) : null;
    this.captured.push({ ...known, row, bucket: bucketOf(events), touched, apart, without });
  }

  private known(range: SlotRange, domain: number, events: number): Known {
    const example =
      range.from < range.to ? this.batch.addTarget(range, domain, this.blend.trust) : -1;
    const histories = this.blend.trust.among(this.batch.historiesOf(range), domain);
    const weights = this.blend.weightsFor(events, domain, histories);
    return { domain, weights, histories, example };
  }

  /** What was done in the domain alone; null if that is all that is known. */
  private apart(range: SlotRange, domain: number, events: number): Known | null {
    const own = this.batch.slotOf(range, domain);
    const owned = own < 0 ? { from: range.from, to: range.from } : { from: own, to: own + 1 };
    const isAll = range.to - range.from === owned.to - owned.from;
    return isAll ? null : this.known(owned, domain, events);
  }

  /** A sample for each event, in the order in which they were added. */
  finish(): PrequentialSample[] {
    if (this.captured.length === 0) return [];
    const { query } = this.batch.run(this.tower);
    return this.captured.map((event) => this.score(event, query));
  }

  private score(event: Captured, query: Float32Array): PrequentialSample {
    const { model, candidates } = this;
    const { counts } = model.items;
    const { row, domain, bucket, without } = event;
    const { rows, length } = model.rowsOf(domain);
    const drawn = candidates.draw(rows, length, row, without);
    candidates.rows[drawn] = row;
    this.logits(event, drawn + 1, query);
    const repeats = this.blend.repeats.of(domain);
    candidates.lower(event.touched, drawn + 1, repeats);
    const { logits } = candidates;
    const truth = logits[drawn]!;
    const truthCount = counts[row]!;
    let rank = 0;
    let popularityRank = 0;
    let ties = 0;
    let odds = 1;
    for (let i = 0; i < drawn; i++) {
      const score = logits[i]!;
      odds += Math.exp(score - truth);
      if (score >= truth) rank++;
      if (score === truth) ties++;
      if (counts[candidates.rows[i]!]! >= truthCount) popularityRank++;
    }
    const sample = {
      domain: model.domainName(domain),
      bucket,
      itemBucket: bucketOf(truthCount),
      rank,
      popularityRank,
      candidates: drawn + 1,
      logLoss: Math.log(odds),
      auc: drawn === 0 ? 0.5 : (drawn - rank + ties / 2) / drawn,
      ...(this.rivals.length === 0 ? {} : { rivals: this.rivalRanks(event, drawn, repeats) }),
    };
    if (event.apart === null) return sample;
    this.logits(event.apart, drawn + 1, query);
    candidates.lower(event.touched, drawn + 1, repeats);
    return { ...sample, apartRank: this.rankOf(drawn) };
  }

  /** Of the true one, behind so many others, by the logits at hand; ties count against it. */
  private rankOf(drawn: number): number {
    const { logits } = this.candidates;
    const truth = logits[drawn]!;
    let rank = 0;
    for (let i = 0; i < drawn; i++) if (logits[i]! >= truth) rank++;
    return rank;
  }

  /** @param repeats What the user's own score more with us: rivals are spared them where that is far less. */
  private rivalRanks(
    { domain, histories, touched }: Captured,
    drawn: number,
    repeats: number,
  ): number[] {
    const { rows, dots, wide, logits } = this.candidates;
    const length = drawn + 1;
    return this.rivals.map((rival) => {
      rival.score({ domain, histories, rows, length, deep: dots, wide }, logits);
      this.candidates.lower(touched, length, repeats < SELDOM ? Number.NEGATIVE_INFINITY : 0);
      return this.rankOf(drawn);
    });
  }

  /** Writes the scores of the candidates, but for what they have in common. */
  private logits({ domain, weights, histories, example }: Known, n: number, query: Float32Array) {
    const { model, blend } = this;
    const { rows, dots, wide, logits } = this.candidates;
    if (example < 0) {
      const { counts } = model.items;
      for (let i = 0; i < n; i++) {
        dots[i] = wide[i] = logits[i] = log1pCount(counts[rows[i]!]!);
      }
      return;
    }
    blend.run(histories, domain, weights);
    dotsOfRows(model.items, rows, n, query, example * model.dimension, dots);
    blend.scores(rows, n, domain, weights, dots, logits, wide);
  }
}

/** Draws different rows of a domain, without some of them. */
class CandidateSampler {
  /** What was drawn last, with room for the true one behind it. */
  readonly rows: Int32Array;
  /** As many: v_j · q. */
  readonly dots: Float32Array;
  /** As many: what is added to that but for the bias. */
  readonly wide: Float64Array;
  readonly logits: Float64Array;
  /** By row: number of the lowering that it was marked for. */
  private marks = new Int32Array(0);
  private lowering = 0;
  private readonly wanted: number;
  private random!: Random;
  /** By place in the domain: number of the drawing in which it was taken. */
  private taken = new Int32Array(0);
  private drawing = 0;

  constructor(wanted: number) {
    this.wanted = wanted;
    this.rows = new Int32Array(wanted + 1);
    this.dots = new Float32Array(wanted + 1);
    this.wide = new Float64Array(wanted + 1);
    this.logits = new Float64Array(wanted + 1);
  }

  /** Draws from this from now on. */
  begin(random: Random): void {
    this.random = random;
  }

  /** How many rows were drawn: all that may be if there are not more than wanted. */
  draw(from: Int32Array, length: number, truth: number, without: ReadonlySet<number>): number {
    let drawn = 0;
    const most = this.wanted + 1 + without.size;
    if (length < 2 * most) return this.drawMost(from, length, truth, without);
    if (this.taken.length < length) {
      this.taken = new Int32Array(length * 2);
      this.drawing = 0;
    }
    const mark = ++this.drawing;
    while (drawn < this.wanted) {
      const place = this.random.below(length);
      const row = from[place]!;
      if (this.taken[place] === mark || row === truth || without.has(row)) continue;
      this.taken[place] = mark;
      this.rows[drawn++] = row;
    }
    return drawn;
  }

  /** Adds to the logits of those of the first n candidates that are among these rows. */
  lower(rows: readonly number[], n: number, by: number): void {
    if (rows.length === 0 || by === 0) return;
    const most = Math.max(...rows);
    if (this.marks.length <= most) {
      this.marks = new Int32Array(2 * (most + 1));
      this.lowering = 0;
    }
    const mark = ++this.lowering;
    for (const row of rows) this.marks[row] = mark;
    for (let i = 0; i < n; i++) if (this.marks[this.rows[i]!] === mark) this.logits[i]! += by;
  }

  /** Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S): no rejections. */
  private drawMost(
    from: Int32Array,
    length: number,
    truth: number,
    without: ReadonlySet<number>,
  ): number {
    let drawn = 0;
    let left = length;
    for (let i = 0; i < length; i++) if (from[i] === truth || without.has(from[i]!)) left--;
    const all = left <= this.wanted;
    for (let i = 0; i < length && drawn < this.wanted; i++) {
      const row = from[i]!;
      if (row === truth || without.has(row)) continue;
      if (all || this.random.below(left--) < this.wanted - drawn) this.rows[drawn++] = row;
    }
    return drawn;
  }
}
