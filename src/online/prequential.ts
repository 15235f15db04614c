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
}

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

  /** Takes an event down, before it is pushed into the user's history: what the user did is copied. */
  add(user: User, row: number): void {
    const domain = this.model.domainOf(row);
    const histories = this.batch.addUser(user);
    const known = histories.from < histories.to;
    this.captured.push({
      row,
      domain,
      bucket: bucketOf(user.history(domain)?.count ?? 0),
      example: known ? this.batch.addTarget(histories, domain) : -1,
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
    const { row, domain, bucket, example } = event;
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
    const drawn = this.candidates.draw(rows, length, row);
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

/** Draws different rows of a domain, without one of them. */
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

  /** How many rows were drawn: all but one if there are not more than wanted. */
  draw(from: Int32Array, length: number, without: number): number {
    let drawn = 0;
    if (length <= this.wanted + 1) {
      for (let i = 0; i < length && drawn < this.wanted; i++) {
        if (from[i] !== without) this.rows[drawn++] = from[i]!;
      }
      return drawn;
    }
    if (this.taken.length < length) {
      this.taken = new Int32Array(length * 2);
      this.drawing = 0;
    }
    const mark = ++this.drawing;
    if (length < 2 * this.wanted) return this.drawMost(from, length, without);
    while (drawn < this.wanted) {
      const place = this.random.below(length);
      if (this.taken[place] === mark || from[place] === without) continue;
      this.taken[place] = mark;
      this.rows[drawn++] = from[place]!;
    }
    return drawn;
  }

  /** Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S): no rejections. */
  private drawMost(from: Int32Array, length: number, without: number): number {
    let drawn = 0;
    let left = length;
    for (let i = 0; i < length; i++) if (from[i] === without) left--;
    for (let i = 0; i < length && drawn < this.wanted; i++) {
      if (from[i] === without) continue;
      if (this.random.below(left--) < this.wanted - drawn) this.rows[drawn++] = from[i]!;
    }
    return drawn;
  }
}

function bucketOf(count: number): PrequentialSample['bucket'] {
  if (count === 0) return '0';
  if (count < 5) return '1-4';
  return count < 20 ? '5-19' : '20+';
}
