import type { Floats } from './phi.js';

/** What the gate needs to know of a batch; see TowerInput. */
export interface GateSlots {
  readonly slots: number;
  readonly slotExample: Int32Array;
  readonly slotEvidence: Floats;
}

/**
 * Turns the learned scalars of the slots into gate weights, in place: over the slots i of an example,
 *
 *     g_i = exp(l_i - max l) / Σ exp(l - max l),   l_i = gate_{s,t} + evidence_i
 *
 * so with all scalars at zero each source counts in proportion to 1 + n_{u,s}.
 */
export function gateForward(input: GateSlots, gate: Floats): void {
  for (let start = 0; start < input.slots; ) {
    const end = endOfExample(input, start);
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < end; i++) {
      gate[i]! += input.slotEvidence[i]!;
      if (gate[i]! > largest) largest = gate[i]!;
    }
    let sum = 0;
    for (let i = start; i < end; i++) {
      gate[i] = Math.exp(gate[i]! - largest);
      sum += gate[i]!;
    }
    for (let i = start; i < end; i++) gate[i]! /= sum;
    start = end;
  }
}

/**
 * Turns dLoss/dg of the slots into dLoss/dl, in place: dl_i = g_i (dg_i - Σ_k g_k dg_k).
 */
export function gateBackward(input: GateSlots, gate: Floats, gradient: Floats): void {
  for (let start = 0; start < input.slots; ) {
    const end = endOfExample(input, start);
    let mean = 0;
    for (let i = start; i < end; i++) mean += gate[i]! * gradient[i]!;
    for (let i = start; i < end; i++) gradient[i] = gate[i]! * (gradient[i]! - mean);
    start = end;
  }
}

function endOfExample(input: GateSlots, start: number): number {
  const example = input.slotExample[start]!;
  let end = start + 1;
  while (end < input.slots && input.slotExample[end] === example) end++;
  return end;
}
