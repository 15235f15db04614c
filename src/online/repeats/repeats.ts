import { grown } from '../columns.js';
import type { MiniBatch } from '../minibatch.js';
import type { Model } from '../model.js';
import type { BlockDelta } from '../types.js';

/** Accumulators that a domain's record takes: repeats, then what would have been by chance. */
export const REPEAT_ROWS = 2;

/** What would have been by chance lies in the model as whole numbers of these. */
const UNIT = 2 ** -20;

/**
 * Whether users of a domain come back to what they have: films are liked once, coffee is bought again. With
 * R the events whose item was in their user's ring, and E those that would have been if each took its item by
 * popularity alone, E = Σ_events Σ_{i in ring} c_i / N, what is in the ring scores by
 *
 *     min(0, log((R + 1) / (E + 1)))
 *
 * more than it would otherwise: where repeats are as rare as that, what is there in a ring stands for nothing but
 * that its user is done with it. Where there are more than by chance nothing is added: counts and
 * embeddings tell that already. Sums of whole numbers, so replicas and restarts agree.
 */
export class Repeats {
  private readonly model: Model;
  private revision = -1;
  private known: (number | undefined)[] = [];

  constructor(model: Model) {
    this.model = model;
  }

  /** What the items of a user's ring score more in a domain: 0 or less. */
  of(domain: number): number {
    const { model } = this;
    if (this.revision !== model.revision) {
      this.revision = model.revision;
      this.known = [];
    }
    let penalty = this.known[domain];
    if (penalty === undefined) {
      const [repeats = 0, chance = 0] = model.blockOf(
        repeatKey(model.domainName(domain)),
      ).accumulators;
      penalty = Math.min(0, Math.log((repeats + 1) / (chance * UNIT + 1)));
      this.known[domain] = penalty;
    }
    return penalty;
  }
}

/** Counts what mini-batches add to R and E. */
export class RepeatCounting {
  private readonly model: Model;
  /** By row: number of the event in whose ring it was last. */
  private seenBy = new Float64Array(512);
  private event = 0;

  constructor(model: Model) {
    this.model = model;
  }

  /** What the events of a mini-batch add, as blocks of a delta; popularity as of its start. */
  count(batch: MiniBatch): BlockDelta[] {
    const { model } = this;
    this.seenBy = grown(this.seenBy, model.items.size);
    const byDomain = new Map<number, { repeats: number; chance: number }>();
    const { firstSlots, slotDomains } = batch;
    for (let event = 0; event < batch.count; event++) {
      const domain = batch.domains[event]!;
      let slot = firstSlots[event]!;
      const end = firstSlots[event + 1]!;
      while (slot < end && slotDomains[slot] !== domain) slot++;
      if (slot === end) continue;
      const mass = this.massOf(batch, slot);
      let sums = byDomain.get(domain);
      if (sums === undefined) {
        sums = { repeats: 0, chance: 0 };
        byDomain.set(domain, sums);
      }
      if (this.seenBy[batch.rows[event]!] === this.event) sums.repeats++;
      sums.chance += Math.round(mass / Math.max(1, model.eventsOf(domain)) / UNIT);
    }
    return Array.from(byDomain, ([domain, { repeats, chance }]) => ({
      key: repeatKey(model.domainName(domain)),
      values: new Int32Array(REPEAT_ROWS),
      accumulators: Float64Array.of(repeats, chance),
    }));
  }

  /** Events of the items in a slot, of each once; marks them as seen by a new event. */
  private massOf({ firstEntries, entryRows }: MiniBatch, slot: number): number {
    const { seenBy } = this;
    const { counts } = this.model.items;
    const event = ++this.event;
    const end = firstEntries[slot + 1]!;
    let mass = 0;
    for (let k = firstEntries[slot]!; k < end; k++) {
      const row = entryRows[k]!;
      if (seenBy[row] === event) continue;
      seenBy[row] = event;
      mass += counts[row]!;
    }
    return mass;
  }
}

function repeatKey(domain: string): string {
  return `repeat/${domain}`;
}
