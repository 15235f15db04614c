import type { ServiceView } from '../../src/http/view.js';

/** A service with two domains and one known user, `u1`; every member can be replaced. */
export function fakeView(overrides: Partial<ServiceView> = {}): ServiceView {
  return {
    app: 'shop',
    version: '1.2.3',
    startedAtMs: Date.now() - 5000,
    backend: () => 'wasm',
    readiness: () => ({ ok: true, reason: '' }),
    health: () => ({ ok: true, reason: '' }),
    trainedEvents: () => 1234,
    deltaOffsets: () => [10n, 20n],
    model: () => ({ trainedEvents: 1230, deltaOffsets: [10n, 20n], sha256: 'ab'.repeat(32) }),
    domains: () => ['books', 'films'],
    items: () => [
      { domain: 'books', rows: 100 },
      { domain: 'films', rows: 50 },
    ],
    users: () => 7,
    tableBytes: () => [{ table: 'items', bytes: 4096 }],
    blend: () => [
      {
        domain: 'films',
        leaning: 0.25,
        likeness: { categories: 1, words: -2 },
        weights: [
          { source: '', bucket: '1-4', part: 'lift', factor: 0.5 },
          { source: 'books', bucket: '0', part: 'deep', factor: 1.5 },
        ],
      },
    ],
    halfLives: () => [
      { domain: 'books', days: 0.02 },
      { domain: 'films', days: 0 },
    ],
    ways: () => [{ from: 'books', to: 'films', fitted: false }],
    trust: () => [
      { from: 'books', to: 'films', users: 'new', trusted: false, standardErrors: -3.5 },
      { from: 'books', to: 'films', users: 'known', trusted: true, standardErrors: 1.25 },
    ],
    transferNorms: () => [{ from: 'books', to: 'films', norm: 0.5 }],
    tasks: () => [
      {
        topic: 'behavior-events',
        partition: 0,
        state: 'running',
        position: 99n,
        lagRecords: 3,
        users: 7,
      },
    ],
    recommendations: (userId, domain, n) =>
      (domain === undefined ? ['books', 'films'] : [domain]).map((name) => ({
        userId,
        domain: name,
        items: Array.from({ length: Math.min(n, 20) }, (_, i) => ({
          itemId: `${userId === 'u1' ? 'liked' : 'popular'}-${i}`,
          score: 1 / (i + 1),
          ...(userId === 'u1' && i === 0
            ? { because: [{ itemId: 'liked-0', domain: 'films' }] }
            : {}),
        })),
        transfer: userId === 'u1' ? [{ fromDomain: 'books', weight: 1 }] : [],
      })),
    ...overrides,
  };
}
