import { Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** How far behind the end of the input the tasks are. */
export const backlog: MetricGroup = ({ registry, on }) => {
  const lag = new Gauge({
    name: 'isthmus_lag_records',
    help: 'Records between the next offset to be committed and the high watermark, by partition.',
    labelNames: ['topic', 'partition'],
    registers: [registry],
  });
  on('isthmus:lag', ({ topic, partition, records }) => {
    lag.set({ topic, partition }, records);
  });
  on('isthmus:task', ({ topic, partition, to }) => {
    // Another process has the partition, or nobody: our last figure would be a lie.
    if (to === 'closed') lag.remove({ topic, partition });
  });
};
