import type { Registry } from 'prom-client';
import { type DiagnosticEvents, type DiagnosticName, subscribe } from '../diagnostics.js';
import type { ServiceView } from '../http/view.js';
import { LabelCap } from './labels.js';

/** What a group of metrics gets to build on. */
export interface MetricContext {
  readonly registry: Registry;
  readonly view: ServiceView;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** One cap for all groups, so that a domain is named in all of them or in none. */
  readonly domains: LabelCap;
  readonly actions: LabelCap;
  readonly reasons: LabelCap;
  /** Listens to what the view's own application publishes, until the metrics are closed. */
  on<N extends DiagnosticName>(name: N, listener: (event: DiagnosticEvents[N]) => void): void;
}

/** Registers its metrics and keeps them up to date. One group a file. */
export type MetricGroup = (context: MetricContext) => void;

/** How many values the labels may have (see `LabelCap`). Pairs of domains grow with the square. */
export const LABEL_CAPS = { domains: 32, actions: 24, reasons: 48 } as const;

export function createContext(
  registry: Registry,
  view: ServiceView,
  clock: () => number,
): { context: MetricContext; close: () => void } {
  const closers: (() => void)[] = [];
  const context: MetricContext = {
    registry,
    view,
    clock,
    domains: new LabelCap(LABEL_CAPS.domains),
    actions: new LabelCap(LABEL_CAPS.actions),
    reasons: new LabelCap(LABEL_CAPS.reasons),
    on(name, listener) {
      closers.push(
        subscribe(name, (event) => {
          if (event.app === view.app) listener(event);
        }),
      );
    },
  };
  return {
    context,
    close() {
      for (const close of closers.splice(0)) close();
    },
  };
}
