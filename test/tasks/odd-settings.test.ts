import { expect, test } from 'vitest';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  startService,
  testConfig,
  until,
} from '../support/service.js';

/** No number here is a float32: what goes into state or log has to be rounded before it is learned from. */
const ODD = {
  ISTHMUS_ACTION_WEIGHTS: JSON.stringify({
    click: { weight: 0.1 },
    rate: { weight: 0.7, min: 0.3, max: 5.1 },
    '*': { weight: 0.3 },
  }),
  ISTHMUS_LEARNER_INITIAL_SCALE: '0.013',
  ISTHMUS_LEARNER_LEARNING_RATE: '0.11',
  ISTHMUS_LEARNER_L2: '0.017',
  ISTHMUS_LEARNER_DENSE_L2: '0.0013',
  ISTHMUS_LEARNER_WEIGHT_EXPONENT: '0.7',
  ISTHMUS_LEARNER_OWN_DOMAIN_DROPOUT: '0.6',
  ISTHMUS_LEARNER_POPULARITY_EXPONENT: '0.7',
  ISTHMUS_LEARNER_DISTRUST: '0.1',
  ISTHMUS_LEARNER_DRIFT_BOOST: '1.7',
  // The same mini-batches, however they are fetched.
  ISTHMUS_MINI_BATCH: '16',
  ISTHMUS_MINI_BATCH_CUT: 'offset',
};
const EVENTS = 320;

/** The digest of what a service has learned that was started anew after each part of the events. */
async function learned(env: Record<string, string>, parts: number): Promise<string> {
  const transport = new MemoryTransport(new MemoryLog());
  const config = testConfig({ ...ODD, ...env });
  await createTopics(transport, config, 1);
  let sha256 = '';
  for (let part = 0; part < parts; part++) {
    const service = await startService(transport, config);
    const producer = await transport.producer();
    const from = (part * EVENTS) / parts;
    await producer.send(
      Array.from({ length: EVENTS / parts }, (_, k) => {
        const i = from + k;
        return eventRecord(config.inputTopic, {
          userId: `u${i % 7}`,
          itemId: `i${(i * 5) % 31}`,
          domain: i % 3 === 0 ? 'films' : 'books',
          action: ['click', 'rate', 'other'][i % 3]!,
          value: i % 3 === 1 ? 1 + (i % 40) / 10 : null,
          occurredAtMs: 1_700_000_000_000 + i * 3_600_001,
        });
      }),
    );
    await producer.close();
    await atRest(transport, config);
    await until(() => service.trainedEvents() >= from + EVENTS / parts, 'all is learned');
    sha256 = (await service.model()).sha256;
    await service.close();
  }
  await transport.close();
  return sha256;
}

test.each([
  ['auto', 'mean'],
  ['0.3', 'conv'],
])(
  'settings that are no float32 give the same bits after a restart (half-life %s, encoder %s)',
  async (halfLife, encoder) => {
    const env = {
      ISTHMUS_LEARNER_HALF_LIFE_DAYS: halfLife,
      ISTHMUS_LEARNER_ENCODER: encoder,
      ISTHMUS_BACKEND: 'simd',
    };
    const straight = await learned(env, 1);
    expect(straight).toMatch(/^[0-9a-f]{64}$/);
    expect(await learned(env, 4)).toBe(straight);
  },
);
