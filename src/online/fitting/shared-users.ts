import type { MiniBatch } from '../minibatch.js';
import type { Random } from '../random.js';

/** Events of one target domain whose users have been in one other domain before. */
export interface SharedEvents {
  /** Index of s. */
  readonly source: number;
  /** Index of t, the domain of the events. */
  readonly target: number;
  /** Numbers in the mini-batch. */
  readonly events: number[];
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
        pair = { source, target, events: [] };
        pairs.set(key, pair);
      }
      pair.events.push(event);
      total++;
    }
  }
  const left = [...pairs.values()];
  if (left.length <= most) return left;
  const drawn: SharedEvents[] = [];
  while (drawn.length < most) {
    let at = random.below(total);
    const next = left.findIndex(({ events }) => {
      at -= events.length;
      return at < 0;
    });
    const [pair] = left.splice(next, 1) as [SharedEvents];
    drawn.push(pair);
    total -= pair.events.length;
  }
  return drawn;
}
