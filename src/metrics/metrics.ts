import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ServiceView } from '../http/view.js';
import { backlog } from './backlog.js';
import { blend } from './blend.js';
import { cluster } from './cluster.js';
import { deltas } from './deltas.js';
import { digest } from './digest.js';
import { drift } from './drift.js';
import { events } from './events.js';
import { freshness } from './freshness.js';
import { createContext, type MetricGroup } from './group.js';
import { input } from './input.js';
import { model } from './model.js';
import { quality } from './quality.js';
import { restore } from './restore.js';
import { snapshots } from './snapshots.js';
import { state } from './state.js';
import { transactions } from './transactions.js';
import { transfer } from './transfer.js';
import { transferGain } from './transfer-gain.js';
import { trust } from './trust.js';
import { work } from './work.js';

const GROUPS: readonly MetricGroup[] = [
  events,
  work,
  freshness,
  backlog,
  transactions,
  deltas,
  cluster,
  input,
  quality,
  transfer,
  transferGain,
  trust,
  blend,
  drift,
  model,
  digest,
  state,
  restore,
  snapshots,
];

export interface Metrics {
  /** Its own, not prom-client's global one: a process can hold two services. */
  readonly registry: Registry;
  /** Stops listening. The registry keeps its last values. */
  close(): void;
}

/**
 * Metrics of one service: of what its application publishes on the diagnostics channels from now
 * on, and of what the view says at each scrape. All are listed in docs/metrics.md.
 */
export function createMetrics(
  view: ServiceView,
  options: {
    readonly clock?: () => number;
    /** Whether prom-client's metrics of the process and the event loop are wanted too (default). */
    readonly processMetrics?: boolean;
  } = {},
): Metrics {
  const registry = new Registry();
  if (options.processMetrics !== false) collectDefaultMetrics({ register: registry });
  const { context, close } = createContext(registry, view, options.clock ?? Date.now);
  for (const group of GROUPS) group(context);
  return { registry, close };
}
