import { grown } from '../columns.js';
import type { Histories } from '../encoders/encoder.js';
import type { MiniBatch } from '../minibatch.js';
import type { Random } from '../random.js';

/** Of so many events of a mini-batch at most a pair of domains is fitted: their histories have to be encoded. */
const MOST_EVENTS = 16;

/** Events of one target domain whose users have been in one other domain before. */
export interface SharedEvents {
  /** Index of s. */
  readonly source: number;
  /** Index of t, the domain of the events. */
  readonly target: number;
  /** Event and the slot of s, in turns. */
  readonly places: number[];
}

/**
 * Pairs of domains that events of a mini-batch tell of, `most` of them at the most: drawn, those that more events
 * tell of more often. In order of the mini-batch, so that nothing depends on how domains are numbered.
 */
export function drawPairs(batch: MiniBatch, most: number, random: Random): SharedEvents[] {
  const pairs = new Map<string, SharedEvents>();
  let total = 0;
  for (let event = 0; event < batch.count; event++) {
    const target = batch.domains[event]!;
    for (let slot = batch.firstSlots[event]!; slot < batch.firstSlots[event + 1]!; slot++) {
      const source = batch.slotDomains[slot]!;
      if (source === target) continue;
      const key = `${source}/${target}`;
      let pair = pairs.get(key);
      if (pair === undefined) {
        pair = { source, target, places: [] };
        pairs.set(key, pair);
      }
      pair.places.push(event, slot);
      total++;
    }
  }
  const left = [...pairs.values()];
  if (left.length <= most) return left;
  const drawn: SharedEvents[] = [];
  while (drawn.length < most) {
    let at = random.below(total);
    const next = left.findIndex(({ places }) => {
      at -= places.length / 2;
      return at < 0;
    });
    const [pair] = left.splice(next, 1) as [SharedEvents];
    drawn.push(pair);
    total -= pair.places.length / 2;
  }
  return drawn;
}

/** Histories of shared users as of their events: slot 2 i is what i had done in s, slot 2 i + 1 in t, the event included. */
export class PairedHistories {
  private slots = 0;
  private entries = 0;
  private offsets = new Int32Array(2 * MOST_EVENTS + 1);
  private sources = new Int32Array(2 * MOST_EVENTS);
  private rows = new Int32Array(4096);
  private weights = new Float32Array(4096);
  private ages = new Float64Array(4096);
  /** (MOST_EVENTS) what each counts: a user's weights sum up to about the logarithm of their events in t. */
  readonly counting = new Float32Array(MOST_EVENTS);

  /** Those of the first events of a pair. */
  collect(batch: MiniBatch, { source, target, places }: SharedEvents): Histories {
    this.slots = 0;
    this.entries = 0;
    for (let at = 0; at < places.length && this.slots < 2 * MOST_EVENTS; at += 2) {
      const [event, slot] = [places[at]!, places[at + 1]!];
      const own = slotIn(batch, event, target);
      this.addEntries(batch, slot, batch.times[event]!);
      this.endSlot(source);
      if (own >= 0) this.addEntries(batch, own, batch.times[event]!);
      this.addEntry(batch.rows[event]!, batch.weights[event]!, 0);
      this.counting[this.slots >> 1] = 1 / (1 + (own < 0 ? 0 : batch.slotCounts[own]!));
      this.endSlot(target);
    }
    const { slots, entries } = this;
    return {
      slots,
      offsets: this.offsets.subarray(0, slots + 1),
      rows: this.rows.subarray(0, entries),
      weights: this.weights.subarray(0, entries),
      ages: this.ages.subarray(0, entries),
      sources: this.sources.subarray(0, slots),
    };
  }

  private addEntries(batch: MiniBatch, slot: number, now: number): void {
    for (let entry = batch.firstEntries[slot]!; entry < batch.firstEntries[slot + 1]!; entry++) {
      const age = Math.max(0, now - batch.entryTimes[entry]!);
      this.addEntry(batch.entryRows[entry]!, batch.entryWeights[entry]!, age);
    }
  }

  private addEntry(row: number, weight: number, age: number): void {
    const at = this.entries++;
    this.rows = grown(this.rows, at + 1);
    this.weights = grown(this.weights, at + 1);
    this.ages = grown(this.ages, at + 1);
    this.rows[at] = row;
    this.weights[at] = weight;
    this.ages[at] = age;
  }

  private endSlot(source: number): void {
    this.sources[this.slots++] = source;
    this.offsets[this.slots] = this.entries;
  }
}

/** The slot of an event's user in a domain, or -1. */
function slotIn(batch: MiniBatch, event: number, domain: number): number {
  for (let slot = batch.firstSlots[event]!; slot < batch.firstSlots[event + 1]!; slot++) {
    if (batch.slotDomains[slot] === domain) return slot;
  }
  return -1;
}
