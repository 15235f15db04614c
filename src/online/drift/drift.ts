import type { Model } from '../model.js';
import type { BlockDelta } from '../types.js';
import { observed } from './detector.js';
import type { DriftOptions } from './options.js';
import type { Probe } from './probes.js';
import { driftDelta, driftState } from './record.js';

/** A pair of domains in which the losses went up; the same one twice: with all that is known. */
export interface Drift {
  readonly source: string;
  readonly target: string;
}

/**
 * What probes add to the detectors of their pairs of domains (detector.ts), as blocks of a delta, and where they
 * found a drift. What is known of each pair is in the model: nothing is kept here.
 */
export function watchDrift(
  model: Model,
  probes: readonly Probe[],
  { driftThreshold }: DriftOptions,
): { blocks: BlockDelta[]; drifts: Drift[] } {
  const byPair = new Map<string, Probe[]>();
  for (const each of probes) {
    const key = driftKey(model.domainName(each.source), model.domainName(each.target));
    const others = byPair.get(key);
    if (others === undefined) byPair.set(key, [each]);
    else others.push(each);
  }
  const blocks: BlockDelta[] = [];
  const drifts: Drift[] = [];
  for (const [key, [first, ...more]] of byPair) {
    const accumulators = model.blockOf(key).accumulators;
    const before = driftState(accumulators);
    let state = before;
    for (const { loss } of [first!, ...more]) state = observed(state, loss, driftThreshold);
    blocks.push(driftDelta(key, accumulators, state));
    if (state.drifts === before.drifts) continue;
    const { source, target } = first!;
    drifts.push({ source: model.domainName(source), target: model.domainName(target) });
  }
  return { blocks, drifts };
}

/**
 * How many times as large the steps of a block are. Of A_{s→t}: `driftBoost` when a drift was found in the
 * pair or in t as a whole, from there on back to 1; of others: 1.
 */
export function stepBoost(model: Model, key: string, { driftBoost }: DriftOptions): number {
  const [kind, source, target] = key.split('/') as [string, string, string];
  if (kind !== 'A' || driftBoost === 0) return 1;
  const boostOf = (from: string): number =>
    driftState(model.blockOf(driftKey(from, target)).accumulators).boost;
  return 1 + (driftBoost - 1) * Math.max(boostOf(source), boostOf(target));
}

/** The block in which what is known of a pair lies. */
function driftKey(source: string, target: string): string {
  return `drift/${source}/${target}`;
}
