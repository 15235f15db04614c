import { createHash } from 'node:crypto';
import { Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/**
 * The model's hash as a number: its first 48 bits, which a float64 holds exactly. One series, for the
 * newest hash; `offsets` is made of the offsets that it stands for, so equal for equal ones:
 *
 *     isthmus_model_digest{offsets="3f2a9c01"} 187649984473770
 */
export const digest: MetricGroup = ({ registry, on }) => {
  const gauge = new Gauge({
    name: 'isthmus_model_digest',
    help: 'First 48 bits of the hash of the committed model, by a hash of the offsets it was at.',
    labelNames: ['offsets'],
    registers: [registry],
  });
  on('isthmus:digest', ({ deltaOffsets, sha256 }) => {
    const offsets = createHash('sha256').update(deltaOffsets.join()).digest('hex').slice(0, 8);
    gauge.reset();
    gauge.set({ offsets }, Number.parseInt(sha256.slice(0, 12), 16));
  });
};
