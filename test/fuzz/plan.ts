import type { FaultPoint } from '../../src/transport/memory/process.js';

/** What may happen to a process at an await point. `turns` are turns of the event loop. */
export type Blow =
  | { readonly kind: 'error' }
  | { readonly kind: 'kill'; readonly expireTurns: number; readonly restartTurns: number }
  | {
      readonly kind: 'freeze';
      /** Null: it thaws before its session is over. */
      readonly expireTurns: number | null;
      readonly thawTurns: number;
    }
  | { readonly kind: 'delay'; readonly turns: number }
  /** What is delivered next comes twice. */
  | { readonly kind: 'repeat' }
  | { readonly kind: 'intruder'; readonly turns: number }
  | { readonly kind: 'expire-transaction' }
  | { readonly kind: 'stop'; readonly restartTurns: number };

/** Blows by the number of the await point that they fall on, counted over all processes. */
export type Plan = ReadonlyMap<number, Blow>;

/** Where a call can fail; elsewhere the adapters try again by themselves or end the process. */
export const CAN_FAIL: ReadonlySet<FaultPoint> = new Set([
  'init:before',
  'init:after',
  'send:before',
  'send:after',
  'offsets:before',
  'offsets:after',
  'commit:before',
  'commit:after',
  'abort:before',
  'abort:after',
]);

/** Numbers from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const KINDS: readonly Blow['kind'][] = [
  'error',
  'error',
  'error',
  'kill',
  'kill',
  'freeze',
  'freeze',
  'delay',
  'delay',
  'repeat',
  'repeat',
  'intruder',
  'expire-transaction',
  'stop',
];

export function randomBlow(random: () => number, kind?: Blow['kind']): Blow {
  const below = (n: number): number => Math.floor(random() * n);
  const chosen = kind ?? KINDS[below(KINDS.length)]!;
  switch (chosen) {
    case 'error':
    case 'repeat':
    case 'expire-transaction':
      return { kind: chosen };
    case 'kill':
      return { kind: chosen, expireTurns: 1 + below(30), restartTurns: below(40) };
    case 'freeze': {
      const expires = random() < 0.75;
      const expireTurns = expires ? 1 + below(20) : null;
      return { kind: chosen, expireTurns, thawTurns: (expireTurns ?? 0) + 1 + below(40) };
    }
    case 'delay':
    case 'intruder':
      return { kind: chosen, turns: 1 + below(30) };
    case 'stop':
      return { kind: chosen, restartTurns: below(30) };
  }
}

/** One to six blows among the first `points` await points. */
export function randomPlan(random: () => number, points: number): Plan {
  const plan = new Map<number, Blow>();
  const blows = 1 + Math.floor(random() * 6);
  for (let i = 0; i < blows; i++) {
    // Half of them fall close together, which is where it hurts.
    const last = [...plan.keys()].at(-1);
    const at =
      last !== undefined && random() < 0.5
        ? last + 1 + Math.floor(random() * 12)
        : Math.floor(random() * points);
    plan.set(at, randomBlow(random));
  }
  return plan;
}
