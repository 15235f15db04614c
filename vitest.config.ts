import { defineConfig } from 'vitest/config';

const INTEGRATION = 'test/integration/**/*.test.ts';

/** Laws that take long, and whole services over a log in memory: together more than all others. */
const SLOW = [
  'test/fuzz/*.test.ts',
  'test/checks/{tower,encoder,learner,domain-order,learner-planted,drift-planted,transfer-harm}.test.ts',
  'test/online/{simd-learning,kernels,serving,delta-codec,packed-delta,encoders,half-life,tower-rows,varied}.test.ts',
  'test/online/{wide/neighbours,stacking/stacking}.test.ts',
  'test/serde/{lean-writers,round-trip}.test.ts',
  'test/snapshots/*.test.ts',
  'test/transport/{tls,record-batch,memory}.test.ts',
  'test/tasks/{service,model-restore,odd-settings,faults-of-input,open-transaction,at-least-once,poison}.test.ts',
  'test/{items/items,repartition/repartition,metrics/digest,telemetry/service-tracing}.test.ts',
  'test/cli/{digest,reset,doctor}.test.ts',
  'test/{evaluate/evaluate,producers/movielens,telemetry/tracing,http/openapi}.test.ts',
  'test/serving/thread.test.ts',
  'test/verify/verify.test.ts',
  'test/cluster/*.test.ts',
  'test/http/{guard,server,questions}.test.ts',
  'test/examples/*.test.ts',
  'test/deploy/kubernetes.test.ts',
];

/** Of tests that need no broker. */
const BROKERLESS = {
  // A module is loaded once for all files: most of the time went into that.
  isolate: false,
  // Laws, not speed: a loaded machine takes its time.
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    // What is compiled stays so until it changes.
    experimental: { fsModuleCache: true },
    projects: [
      {
        test: {
          ...BROKERLESS,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [INTEGRATION, ...SLOW],
        },
      },
      { test: { ...BROKERLESS, name: 'slow', include: SLOW } },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: ['test/integration/support/kafka.ts'],
          // Where others want the cores, a command alone takes seconds to start.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
