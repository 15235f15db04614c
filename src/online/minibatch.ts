import { grown } from './columns.js';
import type { Model } from './model.js';
import type { PastEvents } from './serving/queries.js';
import type { DomainHistory, User } from './user.js';

/**
 * The interactions that are learned in one step, in columns: events, the histories (slots) that their
 * users had at that time, and the entries of those. `add` comes before the caller pushes the
 * interaction into the user's history, and takes copies: what happens to the user later changes nothing
 * here. Columns are replaced as they grow; read them afresh for each mini-batch.
 */
export class MiniBatch {
  /** Interactions added, those without weight included. */
  size = 0;
  /** Those with weight above 0: events. */
  count = 0;
  /** (count) row of the item. */
  rows = new Int32Array(128);
  /** (count) index of its domain. */
  domains = new Int32Array(128);
  /** (count) in [0, 1] */
  weights = new Float64Array(128);
  /** (count) milliseconds */
  times = new Float64Array(128);
  /** (count + 1) slots of event i: firstSlots[i] .. firstSlots[i + 1] - 1, in the user's own order. */
  firstSlots = new Int32Array(129);
  /** (slots) index of the domain. */
  slotDomains = new Int32Array(256);
  /** (slots) n_{u,s}: positive events ever. */
  slotCounts = new Int32Array(256);
  /** (slots + 1) entries of slot i: firstEntries[i] .. firstEntries[i + 1] - 1, oldest first. */
  firstEntries = new Int32Array(257);
  /** (entries) row of the item; entries without weight are left out. */
  entryRows = new Int32Array(8192);
  /** (entries) in (0, 1] */
  entryWeights = new Float64Array(8192);
  /** (entries) milliseconds */
  entryTimes = new Float64Array(8192);
  private readonly model: Pick<Model, 'domainOf'>;

  constructor(model: Pick<Model, 'domainOf'>) {
    this.model = model;
  }

  get slots(): number {
    return this.firstSlots[this.count]!;
  }

  get entries(): number {
    return this.firstEntries[this.slots]!;
  }

  /** `row` as from Model.intern; weight in [0, 1]. Without a time, nothing that was before has aged. */
  add(user: User, row: number, weight: number, occurredAtMs = Number.NEGATIVE_INFINITY): void {
    this.size++;
    if (!(weight > 0)) return;
    const { count, slots } = this;
    this.reserve(slots + user.histories.length);
    let n = slots;
    for (const history of user.histories) if (this.capture(history, n)) n++;
    this.rows[count] = row;
    this.domains[count] = this.model.domainOf(row);
    this.weights[count] = weight;
    this.times[count] = occurredAtMs;
    this.firstSlots[count + 1] = n;
    this.count++;
  }

  /** What the user of an event had done, in views; none of the histories is empty. */
  historiesOf(event: number): PastEvents[] {
    const { firstSlots, firstEntries, slotDomains, slotCounts } = this;
    const histories: PastEvents[] = [];
    for (let slot = firstSlots[event]!; slot < firstSlots[event + 1]!; slot++) {
      const [from, to] = [firstEntries[slot]!, firstEntries[slot + 1]!];
      histories.push({
        domain: slotDomains[slot]!,
        count: slotCounts[slot]!,
        rows: this.entryRows.subarray(from, to),
        weights: this.entryWeights.subarray(from, to),
        times: this.entryTimes.subarray(from, to),
      });
    }
    return histories;
  }

  clear(): void {
    this.size = 0;
    this.count = 0;
  }

  /** Copies what carries weight of a ring to a slot, the first that is free; false if that is nothing. */
  private capture(history: DomainHistory, slot: number): boolean {
    const { rows, weights, times } = history;
    const first = this.firstEntries[slot]!;
    this.reserveEntries(first + rows.length);
    const { entryRows, entryWeights, entryTimes } = this;
    let at = first;
    for (let i = 0; i < rows.length; i++) {
      const weight = weights[i]!;
      if (!(weight > 0)) continue;
      entryRows[at] = rows[i]!;
      entryWeights[at] = weight;
      entryTimes[at++] = times[i]!;
    }
    if (at === first) return false;
    this.slotDomains[slot] = history.domain;
    this.slotCounts[slot] = history.count;
    this.firstEntries[slot + 1] = at;
    return true;
  }

  /** Makes room for another event, and for so many slots. */
  private reserve(slots: number): void {
    this.rows = grown(this.rows, this.count + 1);
    this.domains = grown(this.domains, this.count + 1);
    this.weights = grown(this.weights, this.count + 1);
    this.times = grown(this.times, this.count + 1);
    this.firstSlots = grown(this.firstSlots, this.count + 2);
    this.slotDomains = grown(this.slotDomains, slots);
    this.slotCounts = grown(this.slotCounts, slots);
    this.firstEntries = grown(this.firstEntries, slots + 1);
  }

  private reserveEntries(entries: number): void {
    if (entries <= this.entryRows.length) return;
    this.entryRows = grown(this.entryRows, entries);
    this.entryWeights = grown(this.entryWeights, entries);
    this.entryTimes = grown(this.entryTimes, entries);
  }
}
