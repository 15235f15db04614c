import { Counter, Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** What is read from the delta topic. */
export const deltas: MetricGroup = ({ registry, clock, on }) => {
  const registers = [registry];
  const records = new Counter({
    name: 'isthmus_delta_records_total',
    help: 'Records read from the delta topic: own ones read back, foreign ones applied.',
    labelNames: ['origin'],
    registers,
  });
  const bytes = new Counter({
    name: 'isthmus_delta_read_bytes_total',
    help: 'Bytes of the records read from the delta topic.',
    labelNames: ['origin'],
    registers,
  });
  const seconds = new Counter({
    name: 'isthmus_delta_apply_seconds_total',
    help: 'Time spent on applying foreign deltas.',
    registers,
  });
  const age = new Gauge({
    name: 'isthmus_delta_age_seconds',
    help: 'Age of the last foreign delta when it was applied, by partition of the delta topic.',
    labelNames: ['partition'],
    registers,
  });
  for (const origin of ['own', 'foreign']) {
    records.inc({ origin }, 0);
    bytes.inc({ origin }, 0);
  }
  on('isthmus:delta', (event) => {
    const origin = event.own ? 'own' : 'foreign';
    records.inc({ origin });
    bytes.inc({ origin }, event.bytes);
    if (event.own) return;
    seconds.inc(event.seconds);
    age.set({ partition: event.partition }, Math.max(0, (clock() - event.timestampMs) / 1000));
  });
};
