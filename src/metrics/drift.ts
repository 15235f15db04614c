import { Counter } from 'prom-client';
import type { MetricGroup } from './group.js';

/** Where what was learned of one domain for another holds no longer. */
export const drift: MetricGroup = ({ registry, domains, on }) => {
  const drifts = new Counter({
    name: 'isthmus_drifts_total',
    help: 'Drifts found in the loss of a pair of domains, or of a target domain as a whole where source and target are the same.',
    labelNames: ['source', 'target'],
    registers: [registry],
  });
  on('isthmus:drift', ({ source, target }) => {
    drifts.inc({ source: domains.admit(source), target: domains.admit(target) });
  });
};
