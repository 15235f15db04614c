import { Blend, type BlendWeights, saturationOf } from '../blend/blend.js';
import type { BlendOptions } from '../blend/options.js';
import type { Encoder } from '../encoders/encoder.js';
import { meanEncoder } from '../encoders/mean.js';
import { scan } from '../kernels/simd-scan.js';
import type { Model } from '../model.js';
import { Popularity } from '../popularity.js';
import type { Recommendation, RecommendedItem, Touched, Tower } from '../types.js';
import type { User } from '../user.js';
import { Reasons } from './because.js';
import { type Excluded, type Exclusion, excludedRows } from './exclusion.js';
import { type HeldBack, rankHeldBack } from './held-back.js';
import { type DomainPriors, log1pCount, Priors, withLikeness } from './priors.js';
import { type LikedHistory, likedOf, type Queries, QueryBatch } from './queries.js';
import { Ranking } from './ranking.js';
import type { Scan, ScanTarget } from './scan.js';
import { TopN } from './top-n.js';
import { addsAny, ReachedRows, SLACK } from './wide.js';

export interface RecommenderOptions {
  /** Default `domain`. */
  readonly exclude?: Exclusion;
  /** Default: the mean encoder. Must be the learner's. */
  readonly encoder?: Encoder;
  /** First weights of the blend; must be the learner's. */
  readonly blend?: Partial<BlendOptions>;
  /** How many items of the user's history are named for each item of a list; default 0. */
  readonly because?: number;
  /** The most items of one main category that a list has; default 0: as many as come. */
  readonly mostOfCategory?: number;
  /** Default: by SIMD kernels if the model's table lives in their memory, else in plain loops. */
  readonly scan?: Scan;
}

export interface RecommendationRequest {
  /** null: unknown. */
  readonly user: User | null;
  /** Named in the answer; default: the user's id. */
  readonly userId?: string;
  readonly domain: string;
  /** Items wanted; fewer come back if the domain has no more. */
  readonly n: number;
}

/** A ranking is looked at so many times farther down where a list is to be varied. */
const DEEPER = 4;

/** A request that goes through the tower: its place in the answer, its example, what the user liked. */
interface Pending {
  readonly place: number;
  /** Items wanted. */
  readonly n: number;
  readonly example: number;
  readonly past: readonly LikedHistory[];
  readonly target: ScanTarget;
  readonly ranking: Ranking;
  readonly held: HeldBack | null;
  readonly weights: BlendWeights;
}

/** What the targets of one domain have in common. */
interface DomainTargets {
  readonly domain: number;
  readonly priors: DomainPriors;
  /** (examples, d), times the weight of the deep part. */
  readonly query: Float32Array;
}

/**
 * Exact top-N lists. For user u and item j of domain t with at least one event:
 *
 *     score = δ f(v_j · q_{u,t}) + β b_j + π log((c_j + 1) / (N_t + M_t)) + walked_u(j)
 *             + χ categories_u(j) + ψ words_u(j)
 *
 * (and for items that the catalogue tells of), with f of what saturates and what walks add, see blend/blend.ts, with more or less of π by what u likes
 * (stacking/stack.ts), less for what is in u's ring of t
 * (repeats/repeats.ts), where lists may have that at all; largest first, of equal ones the item whose
 * first event came first; the score in the list is sigma(score). A user without histories that carry weight gets the domain's most popular
 * items, with score (c_j + 1) / (N_t + M_t + c_j + 1), which is sigma(logPrior_j).
 */
export class Recommender {
  private readonly model: Model;
  private readonly tower: Tower;
  private readonly batch: QueryBatch;
  private readonly exclude: Exclusion;
  private readonly scan: Scan;
  private readonly priors: Priors;
  private readonly popularity: Popularity;
  private readonly blend: Blend;
  private readonly reached = new ReachedRows();
  private readonly reasons: Reasons | null;
  private readonly mostOfCategory: number;
  /** base_j of the domain and the user at hand, where likeness is a part of it. */
  private base = new Float32Array(0);
  /** One for each example of a call, used again by the next. */
  private readonly rooms: { best: TopN; ranking: Ranking }[] = [];

  constructor(model: Model, tower: Tower, options: RecommenderOptions = {}) {
    this.model = model;
    this.tower = tower;
    this.exclude = options.exclude ?? 'domain';
    this.scan = options.scan ?? scan;
    this.priors = new Priors(model);
    this.popularity = new Popularity(model);
    this.blend = new Blend(model, options.blend);
    this.batch = new QueryBatch(model, options.encoder ?? meanEncoder, this.blend.isFitted);
    this.mostOfCategory = options.mostOfCategory ?? 0;
    const named = options.because ?? 0;
    this.reasons = named > 0 ? new Reasons(model, this.blend.likeness, named) : null;
  }

  /**
   * A list for each request, in their order. All requests share one pass through the tower, and those
   * for one domain one pass over its items; requests of one user should stand together. A domain
   * that the model has not met has an empty list.
   */
  recommend(requests: readonly RecommendationRequest[]): Recommendation[] {
    const { model } = this;
    model.settle();
    const answers = new Array<Recommendation>(requests.length);
    const { batch } = this;
    batch.clear();
    const groups = new Map<number, Pending[]>();
    let lastUser: User | null = null;
    let histories = { from: 0, to: 0 };
    let past: readonly LikedHistory[] = [];
    for (let place = 0; place < requests.length; place++) {
      const request = requests[place]!;
      const { user } = request;
      const domain = model.findDomain(request.domain);
      if (domain < 0) {
        answers[place] = answer(request, [], []);
        continue;
      }
      if (user !== null && user !== lastUser) {
        lastUser = user;
        histories = batch.addUser(user);
        past = likedOf(user);
      }
      if (user === null || histories.from === histories.to) {
        const excluded = excludedRows(model, user, domain, this.exclude);
        answers[place] = this.popular(request, domain, excluded);
        continue;
      }
      const held = this.heldBack(user, domain);
      const excluded = excludedRows(model, user, domain, held === null ? this.exclude : 'domain');
      const example = batch.addTarget(histories, domain, this.blend.trust);
      const at = example * model.dimension;
      const pending = groups.get(domain);
      const among = this.blend.trust.among(past, domain);
      const weights = this.blend.weightsFor(user.history(domain)?.count ?? 0, domain, among);
      const popularity = weights.popularity - this.blend.known.popularity;
      const { best, ranking } = this.roomOf(example);
      // Queries are scanned with the weight of the deep part in them.
      const saturation = saturationOf(weights);
      const target = { at, popularity, saturation, excluded, best };
      const one = { place, n: request.n, example, past: among, target, ranking, held, weights };
      if (pending === undefined) groups.set(domain, [one]);
      else pending.push(one);
    }
    const queries = batch.run(this.tower);
    for (const [domain, pending] of groups) {
      this.answerGroup(domain, pending, queries, requests, answers);
    }
    return answers;
  }

  /** What of a user's ring is not to be scanned, since it scores less; null: nothing. */
  private heldBack(user: User, domain: number): HeldBack | null {
    if (this.exclude !== 'none') return null;
    const { rows } = user.history(domain) ?? { rows: [] };
    const by = this.blend.repeats.of(domain);
    return rows.length === 0 || by === 0 ? null : { rows, by };
  }

  /** Where what is found for an example goes. */
  private roomOf(example: number): { best: TopN; ranking: Ranking } {
    let room = this.rooms[example];
    if (room === undefined) {
      room = { best: new TopN(0), ranking: new Ranking() };
      this.rooms[example] = room;
    }
    return room;
  }

  /** The lists of one domain. */
  private answerGroup(
    domain: number,
    pending: readonly Pending[],
    queries: Queries,
    requests: readonly RecommendationRequest[],
    answers: Recommendation[],
  ): void {
    const { model } = this;
    // Whoever they are for: what is the same for all users is in the priors.
    const priors = this.priors.of(domain, this.blend.known);
    for (const { target, weights } of pending) {
      const { at } = target;
      for (let k = at; k < at + model.dimension; k++) queries.query[k]! *= weights.deep;
    }
    const shared = { domain, priors, query: queries.query };
    // With likeness in it each user has another base_j.
    const isShared = !this.blend.likeness.isPossible;
    if (isShared) this.rank(shared, pending, 1);
    for (const one of pending) {
      const { place, example, past, weights, ranking } = one;
      const request = requests[place]!;
      const own = isShared ? shared : this.withLikeness(shared, one);
      if (!isShared) this.rank(own, [one], 1);
      const chosen = this.chosen(own, one);
      const gate = queries.transferOf(example);
      const rows = chosen.map((i) => priors.rows[ranking.places[i]!]!);
      const perMass = chosen.map((i) => ranking.perMass[i]!);
      const because = this.reasons?.of(rows, perMass, past, domain, weights, gate);
      // An item of ordinary popularity scores the same, whatever popularity weighs for the user.
      const ordinary = one.target.popularity * Math.log1p(model.meanCountOf(domain));
      const constant = priors.constant - ordinary;
      const items = chosen.map((at, i) =>
        recommended(model.itemId(rows[i]!), sigma(ranking.scores[at]! + constant), because?.[i]),
      );
      const transfer = gate
        .map((slot) => ({ fromDomain: model.domainName(slot.domain), weight: slot.weight }))
        .sort((a, b) => b.weight - a.weight);
      answers[place] = answer(request, items, transfer);
    }
  }

  /** What a target has in common with others, and likeness to what its user liked. */
  private withLikeness(shared: DomainTargets, { past, weights }: Pending): DomainTargets {
    const { likeness } = this.blend;
    likeness.run(past);
    if (!likeness.isOn) return shared;
    const { base } = shared.priors;
    if (this.base.length < base.length) this.base = new Float32Array(base.length);
    return {
      ...shared,
      priors: withLikeness(shared.priors, shared.domain, likeness, weights, this.base),
    };
  }

  /** Numbers in its ranking of what a target's list has, given the ranking that is looked at first. */
  private chosen(shared: DomainTargets, pending: Pending): readonly number[] {
    const { n, ranking } = pending;
    const { rows } = shared.priors;
    for (let deeper = 1; ; deeper *= DEEPER) {
      if (deeper > 1) this.rank(shared, [pending], deeper);
      const all: number[] = [];
      for (let i = 0; i < ranking.length; i++) all.push(i);
      const chosen = this.varied(all, (i) => rows[ranking.places[i]!]!, n);
      // Else what is left of the ranking is of few categories: look farther down.
      if (chosen.length >= n || !ranking.isFull) return chosen;
    }
  }

  /** How far down a ranking is looked at first for a list of n. */
  private depth(n: number): number {
    return this.isVaried ? n * DEEPER : n;
  }

  private get isVaried(): boolean {
    return this.mostOfCategory > 0 && !this.model.content.isEmpty;
  }

  /** The first n of a ranking that leave no category with more than it may have. */
  private varied<T>(ranked: readonly T[], rowOf: (one: T) => number, n: number): readonly T[] {
    if (!this.isVaried) return ranked;
    const { store } = this.model.content;
    const taken = new Map<number, number>();
    const chosen: T[] = [];
    for (const one of ranked) {
      if (chosen.length === n) break;
      const category = store.categoryOf(rowOf(one));
      const before = taken.get(category) ?? 0;
      if (category !== 0 && before >= this.mostOfCategory) continue;
      taken.set(category, before + 1);
      chosen.push(one);
    }
    return chosen;
  }

  /**
   * Ranks the domain's items for each target, so many times as deep as is looked at first. What walks reach is scored
   * before the others are scanned: of those, few come up to the bar then.
   */
  private rank(shared: DomainTargets, pending: readonly Pending[], deeper: number): void {
    for (const one of pending) {
      const { ranking, target } = one;
      const n = this.depth(one.n) * deeper;
      ranking.reset(n);
      this.rankReached(shared, one);
      target.best.reset(n, ranking.bar - SLACK);
    }
    const targets = pending.map(({ target }) => target);
    this.scan(this.model.items, shared.priors, shared.query, targets);
    for (const one of pending) this.rankScanned(shared, one);
  }

  /** Ranks what the walk reaches, and what of the user's ring is held back. */
  private rankReached(
    { domain, priors, query }: DomainTargets,
    { past, target, held, weights, ranking }: Pending,
  ): void {
    const { items } = this.model;
    const { walk } = this.blend;
    walk.run(past, domain, weights);
    this.reached.rank(items, priors, walk, weights, query, target, ranking);
    if (held === null) return;
    rankHeldBack(ranking, held, items, priors, { walk, weights }, query, target);
  }

  /** Puts what a scan found in the ranking of what the walk reached, unless that reached it as well. */
  private rankScanned(
    { domain, priors }: DomainTargets,
    { past, target, weights, ranking }: Pending,
  ): void {
    const { walk } = this.blend;
    const { bar } = ranking;
    const others = target.best.drain().filter(({ index }) => !ranking.has(index));
    let isAtHand = false;
    for (const { index, score } of others) {
      if (score <= bar + SLACK && addsAny(weights)) {
        // By less than a rounding above the bar: it may have been reached and come out below.
        if (!isAtHand) walk.run(past, domain, weights);
        isAtHand = true;
        if (walk.mass(priors.rows[index]!) > 0) continue;
      }
      ranking.insert(index, score, 0);
    }
  }

  private popular(
    request: RecommendationRequest,
    domain: number,
    excluded: Excluded,
  ): Recommendation {
    const { model } = this;
    const total = Math.log(Math.max(1, model.eventsOf(domain) + model.rowsOf(domain).length));
    const all = model.rowsOf(domain).length;
    let rows: readonly number[];
    let depth = this.depth(request.n) + excluded.rows.length;
    do {
      const ranked = this.popularity.top(domain, depth).filter((row) => !excluded.has(row));
      rows = this.varied(ranked, (row) => row, request.n);
      depth *= DEEPER;
    } while (rows.length < request.n && depth < DEEPER * all);
    const items = rows.slice(0, request.n).map((row): RecommendedItem => {
      const score = sigma(log1pCount(model.items.counts[row]!) - total);
      return { itemId: model.itemId(row), score };
    });
    return answer(request, items, []);
  }
}

function answer(
  { user, userId, domain }: RecommendationRequest,
  items: Recommendation['items'],
  transfer: Recommendation['transfer'],
): Recommendation {
  return { userId: userId ?? user?.id ?? '', domain, items, transfer };
}

function recommended(
  itemId: string,
  score: number,
  because: readonly Touched[] | undefined,
): RecommendedItem {
  if (because === undefined || because.length === 0) return { itemId, score };
  return { itemId, score, because };
}

function sigma(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
