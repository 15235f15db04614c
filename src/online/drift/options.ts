/** How drifts are found, and what is done then; see detector.ts and drift.ts. */
export interface DriftOptions {
  /** So many times as large are steps of A when a drift was found; 0: none is looked for. */
  readonly driftBoost: number;
  /** Deviations that rises of the loss add up to before they are called a drift. */
  readonly driftThreshold: number;
}

export const DEFAULT_DRIFT_OPTIONS: DriftOptions = Object.freeze({
  driftBoost: 100,
  driftThreshold: 20,
});
