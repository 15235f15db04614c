import { afterEach, describe, expect, it } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import { RestingDigest } from '../../src/main/resting-digest.js';
import { createMetrics } from '../../src/metrics/metrics.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { fakeView } from '../http/fake-view.js';
import { createTopics, eventRecord, startService, testConfig, until } from '../support/service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function series() {
  const metrics = createMetrics(fakeView(), { processMetrics: false });
  closers.push(() => metrics.close());
  return async () => {
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => line.startsWith('isthmus_model_digest'));
  };
}

const hash = (sha256: string, deltaOffsets: readonly bigint[], app = 'shop') =>
  publish('isthmus:digest', { app, deltaOffsets, sha256: sha256.padEnd(64, '0') });

describe('isthmus_model_digest', () => {
  it('is not there before the model is hashed', async () => {
    const read = series();
    hash('ffffffffffff', [1n], 'another');
    expect(await read()).toEqual([]);
  });

  it('is a number of 48 bits under a name of the offsets, the same for the same, one at a time', async () => {
    const read = series();
    hash('fffffffffffe', [10n, 20n]);
    const [first = ''] = await read();
    expect(first).toMatch(/^isthmus_model_digest\{offsets="[0-9a-f]{8}"\} 281474976710654$/);
    hash('000000000001', [10n, 20n]);
    expect(await read()).toEqual([first.replace('281474976710654', '1')]);
    hash('fffffffffffe', [102n, 0n]);
    const others = await read();
    expect(others).toHaveLength(1);
    expect(others[0]).not.toBe(first);
  });
});

describe('a model at rest', () => {
  /** A clock of one timer, moved by hand. */
  function world(model: () => Promise<never> | { hashed: number }) {
    let tick = (): void => undefined;
    let trained = 0;
    const errors: unknown[] = [];
    const digest = new RestingDigest({
      view: {
        trainedEvents: () => trained,
        deltaOffsets: () => [BigInt(trained)],
        model: async () => {
          await model();
          return { trainedEvents: 0, deltaOffsets: [], sha256: '' };
        },
      },
      restMs: 1000,
      clock: {
        now: () => 0,
        sleep: async () => undefined,
        later: (_, action) => {
          tick = action;
          return () => {
            tick = () => undefined;
          };
        },
      },
      onError: (error) => void errors.push(error),
    });
    closers.push(() => digest.close());
    return {
      errors,
      digest,
      async look(events: number) {
        trained = events;
        tick();
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
  }

  it('is hashed once it has not changed from one look to the next, and once only', async () => {
    let hashes = 0;
    const { look } = world(() => ({ hashed: ++hashes }));
    for (const [events, after] of [
      [5, 0],
      [6, 0],
      [6, 1],
      [6, 1],
      [7, 1],
      [7, 2],
    ] as const) {
      await look(events);
      expect(hashes, `after ${events} events`).toBe(after);
    }
  });

  it('is not hashed while it is empty, nor after the end', async () => {
    let hashes = 0;
    const { look, digest } = world(() => ({ hashed: ++hashes }));
    await look(0);
    await look(0);
    await look(3);
    digest.close();
    await look(3);
    expect(hashes).toBe(0);
  });

  it('is looked at again where hashing failed', async () => {
    const { look, errors } = world(() => Promise.reject(new Error('no memory')));
    await look(1);
    await look(1);
    expect(errors).toHaveLength(1);
    await look(2);
    await look(2);
    expect(errors).toHaveLength(2);
  });
});

describe('two processes of one application', () => {
  it('have the same number under the same name when the stream rests', async () => {
    const config = testConfig({ ISTHMUS_DIGEST_REST_MS: '50' });
    const log = new MemoryLog();
    const transports = [new MemoryTransport(log), new MemoryTransport(log)];
    await createTopics(transports[0]!, config, 2);
    const services = await Promise.all(transports.map((one) => startService(one, config)));
    try {
      await until(() => services.every((one) => one.readiness().ok), 'both are ready');
      const producer = await transports[0]!.producer();
      const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
      await producer.send(users.map((userId) => eventRecord(config.inputTopic, { userId })));
      const lines = () =>
        Promise.all(
          services.map(async ({ url }) => {
            const text = await (await fetch(`${url}/metrics`)).text();
            return text.split('\n').find((line) => line.startsWith('isthmus_model_digest{'));
          }),
        );
      await until(() => services.every((one) => one.trainedEvents() === 20), 'all is learned');
      await until(async () => {
        const [a, b] = await lines();
        return a !== undefined && a === b;
      }, 'both say the same');
    } finally {
      await Promise.all(services.map((one) => one.close()));
      await Promise.all(transports.map((one) => one.close()));
    }
  });
});
