import type { DenseParameters, TowerInput } from '../types.js';
import { gateKey, interestKey, mappingKey } from './keys.js';

/** Slots that stand together once they are sorted: from .. to - 1. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
}

/** Those of one source. */
export interface SourceRange extends SlotRange {
  /** Key of W. */
  readonly interest: string;
}

/** Those of one source and target. */
export interface PairRange extends SlotRange {
  /** Key of the gate's scalar. */
  readonly gate: string;
  /** Key of A; null from a domain to itself. */
  readonly mapping: string | null;
}

/**
 * The slots of a batch by source, and within a source by target, each in order of the batch. Domains
 * stand in order of their names: indices differ from process to process, and sums of floats with the
 * order.
 */
export interface SortedSlots {
  /** (slots) place of each slot in the sorted order. */
  readonly places: Int32Array;
  /** One for each source that there is, in order of the names. */
  readonly bySource: readonly SourceRange[];
  /** One for each pair that there is, those from a domain to itself included. */
  readonly byPair: readonly PairRange[];
}

/**
 * Sorts slots by (source, target) with counts, so that the slots that meet one block are rows of one
 * matrix, next to each other. Pairs without slots are left out.
 */
export function sortSlots(
  input: TowerInput,
  parameters: Pick<DenseParameters, 'domainName'>,
): SortedSlots {
  const { slots, slotSource, slotExample, targets } = input;
  let domains = 0;
  for (let i = 0; i < slots; i++) {
    domains = Math.max(domains, slotSource[i]! + 1, targets[slotExample[i]!]! + 1);
  }
  const inOrder = byName(domains, parameters);
  const counts = new Int32Array(domains * domains);
  const keys = new Int32Array(slots);
  for (let i = 0; i < slots; i++) {
    const key = slotSource[i]! * domains + targets[slotExample[i]!]!;
    keys[i] = key;
    counts[key]!++;
  }
  const bySource: SourceRange[] = [];
  const byPair: PairRange[] = [];
  let from = 0;
  for (const source of inOrder) {
    const start = from;
    for (const target of inOrder) {
      const key = source * domains + target;
      const count = counts[key]!;
      counts[key] = from;
      if (count > 0) {
        const gate = gateKey(parameters, source, target);
        const mapping = source === target ? null : mappingKey(parameters, source, target);
        byPair.push({ gate, mapping, from, to: from + count });
      }
      from += count;
    }
    if (from > start) {
      bySource.push({ interest: interestKey(parameters, source), from: start, to: from });
    }
  }
  const places = new Int32Array(slots);
  for (let i = 0; i < slots; i++) places[i] = counts[keys[i]!]!++;
  return { places, bySource, byPair };
}

/** The indices of the domains in order of their names. */
function byName(domains: number, parameters: Pick<DenseParameters, 'domainName'>): number[] {
  const names = Array.from({ length: domains }, (_, index) => parameters.domainName(index));
  return [...names.keys()].sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
}
