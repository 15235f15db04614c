import { Counter } from 'prom-client';
import type { MetricGroup } from './group.js';

const OUTCOMES = ['committed', 'aborted', 'fenced'] as const;

/** How the transactions ended. */
export const transactions: MetricGroup = ({ registry, on }) => {
  const registers = [registry];
  const total = new Counter({
    name: 'isthmus_transactions_total',
    help: 'Transactions by outcome: committed, aborted, fenced.',
    labelNames: ['outcome'],
    registers,
  });
  const events = new Counter({
    name: 'isthmus_transaction_events_total',
    help: 'Input records that the transactions covered, by outcome; what was aborted comes again.',
    labelNames: ['outcome'],
    registers,
  });
  const deltaBytes = new Counter({
    name: 'isthmus_delta_log_bytes_total',
    help: 'Bytes of model deltas that this process has committed, before compression.',
    registers,
  });
  for (const outcome of OUTCOMES) {
    total.inc({ outcome }, 0);
    events.inc({ outcome }, 0);
  }
  on('isthmus:transaction', (event) => {
    total.inc({ outcome: event.outcome });
    events.inc({ outcome: event.outcome }, event.events);
    if (event.outcome === 'committed') deltaBytes.inc(event.deltaBytes);
  });
};
