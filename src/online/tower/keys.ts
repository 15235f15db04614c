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
