import type { DenseParameters } from '../types.js';

type Names = Pick<DenseParameters, 'domainName'>;

/** W_s and b_s of a source: (d + 1, d), the bias is the last row. */
export function interestKey(names: Names, source: number): string {
  return `W/${names.domainName(source)}`;
}

/** A_{s->t}: (d, d). There is none from a domain to itself: that is the identity. */
export function mappingKey(names: Names, source: number, target: number): string {
  return `A/${names.domainName(source)}/${names.domainName(target)}`;
}

/** M_{s->t}: (d + 1, d), the last row is a bias: the mapping of users who are new in t; see fitting/fitting.ts. */
export function fittedKey(names: Names, source: number, target: number): string {
  return `fit/${names.domainName(source)}/${names.domainName(target)}`;
}

/** Mean squares of (x_s, 1), of users who are in t too: (d + 1, d + 1); see fitting/fitting.ts. */
export function momentsKey(names: Names, source: number, target: number): string {
  return `moments/${names.domainName(source)}/${names.domainName(target)}`;
}

/** Whether a mapping is M, with a bias, and not A. */
export function hasBias(mapping: { readonly length: number }, d: number): boolean {
  return mapping.length > d * d;
}

/**
 * The parameters of a tower that has M in place of A, and neither W nor W_r: M leads from what the encoder makes of a
 * history to what it would make of one in t. It goes forward alone: M is fitted, not learned by its gradient.
 */
export function withFitted(parameters: DenseParameters): DenseParameters {
  const { dimension: d } = parameters;
  const identity = new Float32Array((d + 1) * d);
  for (let k = 0; k < d; k++) identity[k * d + k] = 1;
  return {
    dimension: d,
    domainName: (index) => parameters.domainName(index),
    block: (key) => {
      if (key === READOUT_KEY || key.startsWith('W/')) return identity;
      return parameters.block(key.startsWith('A/') ? `fit/${key.slice(2)}` : key);
    },
  };
}

/** The learned scalar of the gate from s to t: (1, 1). */
export function gateKey(names: Names, source: number, target: number): string {
  return `gate/${names.domainName(source)}/${names.domainName(target)}`;
}

/** W_r and b_r: (d + 1, d), the bias is the last row. */
export const READOUT_KEY = 'R';

/** How much the log of an item's popularity counts in a domain: (1, 1). */
export function priorKey(names: Names, target: number): string {
  return `prior/${names.domainName(target)}`;
}
