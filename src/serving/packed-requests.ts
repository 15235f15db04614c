import type { Model } from '../online/model.js';
import { DomainHistory, User } from '../online/user.js';
import type { ListRequest } from '../tasks/lists.js';

/**
 * Requests as flat columns, which go to a thread for next to nothing. Rows and domains are numbers of the
 * model of whoever packed them.
 */
export interface PackedRequests {
  readonly ids: readonly string[];
  /** Input topics that newest events stand in. */
  readonly topics: readonly string[];
  /**
   * Of each user: place of the topic, partition, number of target domains, these, number of histories; of
   * each history domain, count, size, rows.
   */
  readonly whole: Int32Array;
  /** Of each user: offset and time of the newest event; of each history weights, then times. */
  readonly real: Float64Array;
}

/** What reading and lists need of users: what they touched, and what their newest event is. */
export function packRequests(requests: readonly ListRequest[]): PackedRequests {
  let [wholes, reals] = [0, 0];
  for (const { user, domains } of requests) {
    wholes += 4 + domains.length;
    reals += 2;
    for (const { size } of user.histories) {
      wholes += 3 + size;
      reals += 2 * size;
    }
  }
  const whole = new Int32Array(wholes);
  const real = new Float64Array(reals);
  const ids: string[] = [];
  const topics: string[] = [];
  let [w, r] = [0, 0];
  for (const { user, basedOn, domains } of requests) {
    ids.push(user.id);
    let topic = topics.indexOf(basedOn.topic);
    if (topic < 0) topic = topics.push(basedOn.topic) - 1;
    whole[w++] = topic;
    whole[w++] = basedOn.partition;
    whole[w++] = domains.length;
    for (const domain of domains) whole[w++] = domain;
    whole[w++] = user.histories.length;
    real[r++] = Number(basedOn.offset);
    real[r++] = basedOn.occurredAtMs;
    for (const { domain, count, size, rows, weights, times } of user.histories) {
      whole[w++] = domain;
      whole[w++] = count;
      whole[w++] = size;
      for (let i = 0; i < size; i++) whole[w++] = rows[i]!;
      for (let i = 0; i < size; i++) real[r++] = weights[i]!;
      for (let i = 0; i < size; i++) real[r++] = times[i]!;
    }
  }
  return { ids, topics, whole, real };
}

/** The requests, with users that have what was packed of them and no more, and numbers of another model. */
export function unpackRequests(
  { ids, topics, whole, real }: PackedRequests,
  numbers: ForeignNumbers,
): ListRequest[] {
  let [w, r] = [0, 0];
  return ids.map((id) => {
    const topic = topics[whole[w++]!]!;
    const partition = whole[w++]!;
    const domains: number[] = [];
    for (let left = whole[w++]!; left > 0; left--) domains.push(numbers.domain(whole[w++]!));
    const user = new User(id);
    let histories = whole[w++]!;
    const basedOn = { topic, partition, offset: BigInt(real[r++]!), occurredAtMs: real[r++]! };
    user.basedOn = basedOn;
    for (; histories > 0; histories--) {
      const history = new DomainHistory(numbers.domain(whole[w++]!));
      history.count = whole[w++]!;
      const size = whole[w++]!;
      for (let i = 0; i < size; i++) {
        history.rows.push(numbers.row(whole[w + i]!));
        history.weights.push(real[r + i]!);
        history.times.push(real[r + size + i]!);
      }
      w += size;
      r += 2 * size;
      user.histories.push(history);
    }
    return { user, basedOn, domains };
  });
}

/** New names of a model, by number: of domains from the first new one on, of rows as keys `domain/itemId`. */
export interface NewNames {
  readonly firstDomain: number;
  readonly domains: readonly string[];
  readonly firstRow: number;
  readonly keys: readonly string[];
}

/** In the process: which of the model's numbers the other side has been told the names of. */
export class NameTeller {
  readonly #model: Model;
  #numbering: object | null = null;
  #domains = 0;
  #rows = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  /** What was not told yet; null where that is nothing. All of it where numbers may mean others now. */
  news(): NewNames | null {
    const model = this.#model;
    if (model.numbering !== this.#numbering) {
      this.#numbering = model.numbering;
      this.#domains = 0;
      this.#rows = 0;
    }
    const { size } = model.items;
    if (this.#domains === model.domainCount && this.#rows === size) return null;
    const firstDomain = this.#domains;
    const firstRow = this.#rows;
    const domains: string[] = [];
    for (let i = firstDomain; i < model.domainCount; i++) domains.push(model.domainName(i));
    const keys: string[] = [];
    for (let row = firstRow; row < size; row++) keys.push(model.key(row));
    this.#domains = model.domainCount;
    this.#rows = size;
    return { firstDomain, domains, firstRow, keys };
  }
}

/** On the other side: numbers there, as numbers of the model here. */
export class ForeignNumbers {
  readonly #model: Model;
  readonly #domains: number[] = [];
  readonly #rows: number[] = [];

  constructor(model: Model) {
    this.#model = model;
  }

  learn({ firstDomain, domains, firstRow, keys }: NewNames): void {
    const model = this.#model;
    for (const [i, name] of domains.entries()) {
      this.#domains[firstDomain + i] = model.domainIndex(name);
    }
    for (const [i, key] of keys.entries()) {
      const slash = key.indexOf('/');
      // Interned, so that a number stays good whatever is taken away.
      this.#rows[firstRow + i] = model.intern(key.slice(0, slash), key.slice(slash + 1));
    }
  }

  domain(index: number): number {
    return this.#domains[index]!;
  }

  row(row: number): number {
    return this.#rows[row]!;
  }
}
