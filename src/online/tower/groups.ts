import type { TowerInput } from '../types.js';

/** Slots that meet the same block, in order of the batch. */
export interface SlotGroup {
  readonly source: number;
  readonly target: number;
  readonly slots: readonly number[];
}

/** The slots by source, in order of first appearance; `target` is that of the first slot. */
export function groupBySource(input: TowerInput): SlotGroup[] {
  return group(input, () => 0);
}

/** The slots by (source, target), those from a domain to itself included. */
export function groupByPair(input: TowerInput): SlotGroup[] {
  return group(input, (target) => target + 1);
}

function group(input: TowerInput, second: (target: number) => number): SlotGroup[] {
  const groups = new Map<number, { source: number; target: number; slots: number[] }>();
  for (let i = 0; i < input.slots; i++) {
    const source = input.slotSource[i]!;
    const target = input.targets[input.slotExample[i]!]!;
    const key = source * 0x100000 + second(target);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { source, target, slots: [i] });
    else known.slots.push(i);
  }
  return [...groups.values()];
}

/** The rows of `values` (slots, d) that a group names, packed: (group, d). */
export function gather(values: Float32Array, slots: readonly number[], d: number): Float32Array {
  const out = new Float32Array(slots.length * d);
  for (let i = 0; i < slots.length; i++) {
    const from = slots[i]! * d;
    for (let k = 0; k < d; k++) out[i * d + k] = values[from + k]!;
  }
  return out;
}

/** The way back of `gather`: puts packed rows into their places. */
export function scatter(
  packed: Float32Array,
  slots: readonly number[],
  d: number,
  out: Float32Array,
): void {
  for (let i = 0; i < slots.length; i++) {
    const at = slots[i]! * d;
    for (let k = 0; k < d; k++) out[at + k] = packed[i * d + k]!;
  }
}
