import type { Model } from './model.js';
import type { DomainHistory, User } from './user.js';

/** One captured interaction: what the user had done before it, and what it was. */
export interface CapturedEvent {
  /** Row of the item. */
  readonly row: number;
  /** Index of its domain. */
  readonly domain: number;
  /** In [0, 1]. */
  readonly weight: number;
  readonly occurredAtMs: number;
  /** The user's histories at that time, in the user's own order. */
  readonly slots: readonly CapturedHistory[];
}

/** A copy of one ring, oldest first, without entries that carry no weight. */
export interface CapturedHistory {
  readonly domain: number;
  /** n_{u,s}: positive events ever. */
  readonly count: number;
  readonly rows: readonly number[];
  readonly weights: readonly number[];
  /** Event times in milliseconds. */
  readonly times: readonly number[];
}

/**
 * The interactions that are learned in one step. `add` comes before the caller pushes the interaction
 * into the user's history, and takes copies: what happens to the user later changes nothing here.
 */
export class MiniBatch {
  private readonly model: Pick<Model, 'domainOf'>;
  private readonly captured: CapturedEvent[] = [];
  private accepted = 0;

  constructor(model: Pick<Model, 'domainOf'>) {
    this.model = model;
  }

  /** Interactions added, those without weight included. */
  get size(): number {
    return this.accepted;
  }

  /** Those with weight above 0, in order. */
  get events(): readonly CapturedEvent[] {
    return this.captured;
  }

  /** `row` as from Model.intern; weight in [0, 1]. Without a time, nothing that was before has aged. */
  add(user: User, row: number, weight: number, occurredAtMs = Number.NEGATIVE_INFINITY): void {
    this.accepted++;
    if (!(weight > 0)) return;
    const slots: CapturedHistory[] = [];
    for (const history of user.histories) {
      const slot = captured(history);
      if (slot !== null) slots.push(slot);
    }
    this.captured.push({ row, domain: this.model.domainOf(row), weight, occurredAtMs, slots });
  }

  clear(): void {
    this.captured.length = 0;
    this.accepted = 0;
  }
}

/** A copy of a ring without what carries no weight; null if that is all. Plain arrays: cheap to make. */
function captured(history: DomainHistory): CapturedHistory | null {
  const { domain, count } = history;
  let kept = 0;
  for (let i = 0; i < history.weights.length; i++) if (history.weights[i]! > 0) kept++;
  if (kept === 0) return null;
  if (kept === history.weights.length) {
    const [rows, weights, times] = [history.rows, history.weights, history.times];
    return { domain, count, rows: rows.slice(), weights: weights.slice(), times: times.slice() };
  }
  const rows: number[] = [];
  const weights: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < history.rows.length; i++) {
    if (!(history.weights[i]! > 0)) continue;
    rows.push(history.rows[i]!);
    weights.push(history.weights[i]!);
    times.push(history.times[i]!);
  }
  return { domain, count, rows, weights, times };
}
