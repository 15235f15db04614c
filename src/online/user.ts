import type { BasedOn } from './types.js';

/** Items that a history remembers. */
export const RING_SIZE = 64;

/**
 * What one user touched in one domain: the last 64 items, oldest first. The arrays are in order of
 * arrival, so that whoever sums over them gets the same bits after a restore.
 */
export class DomainHistory {
  /** Index of the domain in the model. */
  readonly domain: number;
  /** Positive events ever: n_{u,s}. Those that left the ring count too. */
  count: number;
  /** Rows of the items, oldest first; at most 64. */
  readonly rows: number[];
  /** In [0, 1]; 0: touched, but not liked. */
  readonly weights: number[];
  /** Event times in milliseconds. */
  readonly times: number[];
  #shared = false;

  /** `from`: the ring that it takes over, in copies. */
  constructor(domain: number, from?: DomainHistory) {
    this.domain = domain;
    this.count = from?.count ?? 0;
    // Copied as blocks of memory.
    this.rows = from?.rows.slice() ?? [];
    this.weights = from?.weights.slice() ?? [];
    this.times = from?.times.slice() ?? [];
  }

  /** Items in the ring. */
  get size(): number {
    return this.rows.length;
  }

  /** Whether more than one user has it: nothing is to be pushed to it any more. */
  get isShared(): boolean {
    return this.#shared;
  }

  /** Itself, for another user too. */
  share(): this {
    this.#shared = true;
    return this;
  }

  push(row: number, weight: number, occurredAtMs: number): void {
    if (this.rows.length === RING_SIZE) {
      this.rows.shift();
      this.weights.shift();
      this.times.shift();
    }
    this.rows.push(row);
    this.weights.push(weight);
    this.times.push(occurredAtMs);
    if (weight > 0) this.count++;
  }

  clone(): DomainHistory {
    return new DomainHistory(this.domain, this);
  }
}

/** An event id that was seen lately, to tell duplicates. */
export interface RecentEventId {
  readonly hash: number;
  readonly occurredAtMs: number;
}

/** All that is known of a user. Owned by one stream task; its changelog is the user-state topic. */
export class User {
  readonly id: string;
  /** In order of the user's first event in each domain; few, so they are searched in line. */
  readonly histories: DomainHistory[] = [];
  /** The newest event, or null before the first. */
  basedOn: BasedOn | null = null;
  /** Offset of the event that the last lists answered; -1n: none. */
  answeredOffset = -1n;
  /** When the last lists were sent. */
  lastListAtMs = 0;
  /** The minute (of event time) that `minuteCount` counts the events of. */
  minute = 0;
  minuteCount = 0;
  /** Oldest first. */
  recentEventIds: RecentEventId[] = [];

  constructor(id: string) {
    this.id = id;
  }

  /** Whether lists are owed: the newest event has not been answered. */
  get owed(): boolean {
    return this.basedOn !== null && this.basedOn.offset > this.answeredOffset;
  }

  /** The history in a domain, or undefined before the first event there. */
  history(domain: number): DomainHistory | undefined {
    for (const history of this.histories) if (history.domain === domain) return history;
    return undefined;
  }

  /** Adds an event. `row` is to come from `Model.intern`, which keeps it in its place. */
  push(row: number, domain: number, weight: number, occurredAtMs: number): void {
    const { histories } = this;
    let at = 0;
    while (at < histories.length && histories[at]!.domain !== domain) at++;
    if (at === histories.length) histories.push(new DomainHistory(domain));
    else if (histories[at]!.isShared) histories[at] = histories[at]!.clone();
    histories[at]!.push(row, weight, occurredAtMs);
  }

  /**
   * A copy of its own: what is done to one is not done to the other. Histories are copied when
   * something is pushed to them: every user is copied in each mini-batch that touches them.
   */
  clone(): User {
    const copy = new User(this.id);
    for (const history of this.histories) copy.histories.push(history.share());
    copy.basedOn = this.basedOn;
    copy.answeredOffset = this.answeredOffset;
    copy.lastListAtMs = this.lastListAtMs;
    copy.minute = this.minute;
    copy.minuteCount = this.minuteCount;
    copy.recentEventIds = this.recentEventIds.slice();
    return copy;
  }
}

/** Whether anything in a history is liked. */
export function likesAny({ weights }: { readonly weights: ArrayLike<number> }): boolean {
  for (let i = 0; i < weights.length; i++) if (weights[i]! > 0) return true;
  return false;
}
