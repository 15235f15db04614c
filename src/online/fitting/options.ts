/** How the mappings for users who are new in a domain are fitted; see fitting.ts. */
export interface FittingOptions {
  /** Weight of pairs of interests that a fitted mapping remembers, what is older counting less and less; 0: none is fitted. */
  readonly fitMemory: number;
  /** Ridge: what fitted mappings are pulled to the identity with, against pairs of weight 1. */
  readonly fitL2: number;
}

export const DEFAULT_FITTING_OPTIONS: FittingOptions = Object.freeze({
  fitMemory: 5000,
  fitL2: 10,
});
