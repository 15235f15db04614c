import { Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** What is told of a pair of domains. */
interface Pair {
  readonly from: string;
  readonly to: string;
  readonly users?: string;
}

/**
 * Which domains the lists of another look at, how sure that is, and which mapping leads there, read from the view at
 * each scrape.
 */
export const trust: MetricGroup = ({ registry, view, domains }) => {
  const labelNames = ['source', 'target', 'users'];
  const trusts = () => view.trust();

  /** The least of each series: domains beyond the cap share one. */
  function least<P extends Pair>(pairs: () => readonly P[], figure: (one: P) => number) {
    return function collect(this: Gauge): void {
      this.reset();
      const found = new Map<string, { labels: Record<string, string>; value: number }>();
      for (const one of pairs()) {
        const labels = {
          source: domains.admit(one.from),
          target: domains.admit(one.to),
          ...(one.users === undefined ? {} : { users: one.users }),
        };
        const key = JSON.stringify(labels);
        const value = Math.min(figure(one), found.get(key)?.value ?? Number.POSITIVE_INFINITY);
        found.set(key, { labels, value });
      }
      for (const { labels, value } of found.values()) this.set(labels, value);
    };
  }

  new Gauge({
    name: 'isthmus_trusted',
    help: 'Whether lists of the target look at what their users did in the source (1) or not (0), of users who are new in the target and of those who are known there.',
    labelNames,
    registers: [registry],
    collect: least(trusts, ({ trusted }) => (trusted ? 1 : 0)),
  });
  new Gauge({
    name: 'isthmus_trust_standard_errors',
    help: 'Gain of looking at the source in the lists of the target, in standard errors: below the distrust that is set, it is left out.',
    labelNames,
    registers: [registry],
    collect: least(trusts, ({ standardErrors }) => standardErrors),
  });
  new Gauge({
    name: 'isthmus_fitted_mapping',
    help: 'Whether users of the source who are new in the target go through the mapping that is fitted (1) or through A, since that ranks clearly better (0).',
    labelNames: ['source', 'target'],
    registers: [registry],
    collect: least(
      () => view.ways(),
      ({ fitted }) => (fitted ? 1 : 0),
    ),
  });
};
