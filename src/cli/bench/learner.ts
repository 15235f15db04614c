import type { LearnerOptions } from '../../online/learner.js';
import {
  BACKENDS,
  type BackendName,
  BackendUnavailable,
  createTower,
} from '../../online/tower/backend.js';
import type { Tower } from '../../online/types.js';
import type { BenchContext } from './benches.js';
import type { Report } from './figures.js';
import { foreignDelta } from './foreign-delta.js';
import { MINI_BATCH, PLAIN_EXAMPLES, Treadmill } from './learning.js';
import { takeTurns } from './measure.js';

const PEER = 'plain typed arrays';

/** Examples per second and core for each backend that there is here. */
export async function benchLearner({ report, signal }: BenchContext): Promise<void> {
  const towers = await towersHere();
  await compare(report, 'learner.examples', 'examples/s/core', towers, PLAIN_EXAMPLES);
  signal.throwIfAborted();
  await compare(report, 'learner.defaults', 'events/s/core', towers, {});
  signal.throwIfAborted();
  const { tower } = await createTower('auto');
  applying(report, tower);
}

/** All that can be had; `TensorFlow.js` has one current backend, which `TensorTower` sees to. */
async function towersHere(): Promise<Map<BackendName, Tower>> {
  const towers = new Map<BackendName, Tower>();
  for (const name of BACKENDS) {
    try {
      towers.set(name, (await createTower(name)).tower);
    } catch (error) {
      if (!(error instanceof BackendUnavailable)) throw error;
    }
  }
  return towers;
}

async function compare(
  report: Report,
  name: string,
  unit: string,
  towers: ReadonlyMap<BackendName, Tower>,
  options: Partial<LearnerOptions>,
): Promise<void> {
  const contenders = [...towers].map(([backend, tower]) => {
    const treadmill = new Treadmill(tower, options);
    return {
      name: backend,
      run: () => {
        for (let i = 0; i < 8; i++) treadmill.step();
        return 8 * MINI_BATCH;
      },
    };
  });
  const seconds = takeTurns(contenders, { rounds: 7, leastMs: 300 });
  const plain = seconds.get('plain')!;
  for (const [backend, each] of seconds) {
    const peer = backend === 'plain' ? {} : { ratio: plain / each, against: PEER };
    report({ name: `${name}.${backend}`, value: 1 / each, unit, ...peer });
  }
}

/** What a replica pays for the deltas of others, against computing them. */
function applying(report: Report, tower: Tower): void {
  const { applied, computed } = foreignDelta(tower, Math.floor(4_000 / MINI_BATCH));
  report({
    name: 'learner.delta.apply',
    value: 1e6 * applied,
    unit: 'µs/event',
    ratio: computed / applied,
    against: 'computing it takes so many times as long',
  });
}
