import { Counter } from 'prom-client';
import type { MetricGroup } from './group.js';

/** Where what was learned of one domain for another holds no longer. */
export const drift: MetricGroup = ({ registry, view, domains, on }) => {
  const drifts = new Counter({
    name: 'isthmus_drifts_total',
    help: 'Drifts found in the loss of a pair of domains, or of a target domain as a whole where source and target are the same.',
    labelNames: ['source', 'target'],
    registers: [registry],
    // At 0 from the start: Prometheus sees no increase in a series that begins with its first drift.
    collect() {
      const names = view.domains().map((domain) => domains.admit(domain));
      for (const source of names) for (const target of names) this.inc({ source, target }, 0);
    },
  });
  on('isthmus:drift', ({ source, target }) => {
    drifts.inc({ source: domains.admit(source), target: domains.admit(target) });
  });
};
