import type { Encoder } from './encoders/encoder.js';
import { meanEncoder } from './encoders/mean.js';
import type { Model } from './model.js';
import { Random } from './random.js';
import { log1pCount } from './serving/priors.js';
import { QueryBatch } from './serving/queries.js';
import type { PrequentialSample, Tower } from './types.js';
import type { User } from './user.js';

export interface PrequentialOptions {
  readonly seed: number;
  /** Random items that the true one is ranked among; default 999. */
  readonly negatives?: number;
  /** Default: the mean encoder. Must be the learner's. */
  readonly encoder?: Encoder;
}

interface Captured {
  readonly row: number;
  readonly domain: number;
  readonly bucket: PrequentialSample['bucket'];
  /** Number in the batch of queries; -1 for a user of whom nothing is known. */
  readonly example: number;
  readonly without: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();

/**
 * Test-then-train: how well the model as it stands foresees events that it has not learned yet.
 *
 * For an event of user u with item j in domain t: the rank of j by logit (see Recommender) among 999
 * other random items of t that have events, or all if there are fewer; ties count against us. Items
 * in u's history are not left out. The same candidates are ranked by popularity. A user of whom
 * nothing is known would get popular items, so there both ranks are the same. Further
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
  private readonly negatives: number;
  private readonly encoder: Encoder;

  constructor(model: Model, tower: Tower, options: PrequentialOptions) {
    this.model = model;
    this.tower = tower;
    this.seed = options.seed;
    this.negatives = options.negatives ?? 999;
    this.encoder = options.encoder ?? meanEncoder;
  }

  /** Starts the scoring of one mini-batch. The model must not change until it is finished. */
  begin(topic: string, partition: number, firstOffset: bigint): PrequentialScoring {
    const random = Random.of('prequential', this.seed, topic, partition, firstOffset);
    return new PrequentialScoring(this.model, this.tower, this.encoder, this.negatives, random);
  }
}

/** The scoring of one mini-batch: one pass through the tower for all its events. */
export class PrequentialScoring {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly batch: QueryBatch;
  private readonly captured: Captured[] = [];
  private readonly candidates: CandidateSampler;

  constructor(model: Model, tower: Tower, encoder: Encoder, negatives: number, random: Random) {
    this.model = model;
    this.tower = tower;
    this.batch = new QueryBatch(model, encoder);
    this.candidates = new CandidateSampler(negatives, random);
  }

  /**
   * Takes an event down, before it is pushed into the user's history: what the user did is copied.
   *
   * @param without Rows that are not to be among the others: further true ones, say.
   */
  add(user: User, row: number, without: ReadonlySet<number> = NONE): void {
    const domain = this.model.domainOf(row);
    const histories = this.batch.addUser(user);
    const known = histories.from < histories.to;
    this.captured.push({
      row,
      domain,
      bucket: bucketOf(user.history(domain)?.count ?? 0),
      example: known ? this.batch.addTarget(histories, domain) : -1,
      without,
    });
  }

  /** A sample for each event, in the order in which they were added. */
  finish(): PrequentialSample[] {
    if (this.captured.length === 0) return [];
    const { query } = this.batch.run(this.tower);
    return this.captured.map((event) => this.score(event, query));
  }

  private score(event: Captured, query: Float32Array): PrequentialSample {
    const { model } = this;
    const { embeddings, biases, counts } = model.items;
    const { row, domain, bucket, example, without } = event;
    const name = model.domainName(domain);
    const d = model.dimension;
    const weight = model.block(`prior/${name}`)[0]!;
    const at = example * d;
    const logit = (of: number): number => {
      const popularity = log1pCount(counts[of]!);
      if (example < 0) return popularity;
      let sum = biases[of]! + weight * popularity;
      for (let k = 0, from = of * d; k < d; k++) sum += embeddings[from + k]! * query[at + k]!;
      return sum;
    };
    const truth = logit(row);
    const truthCount = counts[row]!;
    let rank = 0;
    let popularityRank = 0;
    let ties = 0;
    let odds = 1;
    const { rows, length } = model.rowsOf(domain);
    const drawn = this.candidates.draw(rows, length, row, without);
    for (let i = 0; i < drawn; i++) {
      const other = this.candidates.rows[i]!;
      const score = logit(other);
      odds += Math.exp(score - truth);
      if (score >= truth) rank++;
      if (score === truth) ties++;
      if (counts[other]! >= truthCount) popularityRank++;
    }
    return {
      domain: name,
      bucket,
      rank,
      popularityRank,
      candidates: drawn + 1,
      logLoss: Math.log(odds),
      auc: drawn === 0 ? 0.5 : (drawn - rank + ties / 2) / drawn,
    };
  }
}

/** Draws different rows of a domain, without some of them. */
class CandidateSampler {
  /** What was drawn last. */
  readonly rows: Int32Array;
  private readonly wanted: number;
  private readonly random: Random;
  /** By place in the domain: number of the drawing in which it was taken. */
  private taken = new Int32Array(0);
  private drawing = 0;

  constructor(wanted: number, random: Random) {
    this.wanted = wanted;
    this.random = random;
    this.rows = new Int32Array(wanted);
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

function bucketOf(count: number): PrequentialSample['bucket'] {
  if (count === 0) return '0';
  if (count < 5) return '1-4';
  return count < 20 ? '5-19' : '20+';
}
