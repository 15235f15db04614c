import { Counter, Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

/** Half-life of the gate gauge, in lists of the same target domain. */
const HALF_LIFE_LISTS = 1000;
const DECAY = 2 ** (-1 / HALF_LIFE_LISTS);

/** Of the lists for one target domain. */
interface Target {
  lists: number;
  recentLists: number;
  readonly sources: Map<string, { sum: number; recent: number }>;
}

/** What flows between domains: the gate's weights in the lists, and the mappings' norms. */
export const transfer: MetricGroup = ({ registry, view, domains, on }) => {
  const targets = new Map<string, Target>();
  on('isthmus:recommend', ({ transfers }) => {
    for (const list of transfers ?? []) {
      if (list.transfer.length === 0) continue;
      const target = targetOf(targets, domains.admit(list.domain));
      target.lists++;
      target.recentLists = target.recentLists * DECAY + 1;
      for (const source of target.sources.values()) source.recent *= DECAY;
      for (const { fromDomain, weight } of list.transfer) {
        const source = sourceOf(target, domains.admit(fromDomain));
        source.sum += weight;
        source.recent += weight;
      }
    }
  });

  const registers = [registry];
  const labelNames = ['source', 'target'];
  new Counter({
    name: 'isthmus_gate_lists_total',
    help: 'Lists that rest on some interest, by target domain: what the sum of gate weights is divided by.',
    labelNames: ['target'],
    registers,
    collect() {
      this.reset();
      for (const [target, { lists }] of targets) this.inc({ target }, lists);
    },
  });
  new Counter({
    name: 'isthmus_gate_weight_sum_total',
    help: 'Sum over lists of the weight that the gate gave to the source domain.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [target, { sources }] of targets) {
        for (const [source, { sum }] of sources) this.inc({ source, target }, sum);
      }
    },
  });
  new Gauge({
    name: 'isthmus_gate_weight',
    help: 'Mean weight of the source domain in about the last 1,000 lists of the target domain.',
    labelNames,
    registers,
    collect() {
      for (const [target, { sources, recentLists }] of targets) {
        for (const [source, { recent }] of sources) {
          this.set({ source, target }, recent / recentLists);
        }
      }
    },
  });
  new Gauge({
    name: 'isthmus_transfer_norm',
    help: 'Frobenius norm of A - I by source and target: how far the mapping has moved from the identity.',
    labelNames,
    registers,
    collect() {
      this.reset();
      const largest = new Map<string, { source: string; target: string; norm: number }>();
      for (const { from, to, norm } of view.transferNorms()) {
        const source = domains.admit(from);
        const target = domains.admit(to);
        const key = JSON.stringify([source, target]);
        const found = largest.get(key);
        if (found === undefined || norm > found.norm) largest.set(key, { source, target, norm });
      }
      for (const { source, target, norm } of largest.values()) this.set({ source, target }, norm);
    },
  });
};

function targetOf(targets: Map<string, Target>, name: string): Target {
  let target = targets.get(name);
  if (target === undefined) {
    target = { lists: 0, recentLists: 0, sources: new Map() };
    targets.set(name, target);
  }
  return target;
}

function sourceOf(target: Target, name: string): { sum: number; recent: number } {
  let source = target.sources.get(name);
  if (source === undefined) {
    source = { sum: 0, recent: 0 };
    target.sources.set(name, source);
  }
  return source;
}
