import { Counter } from 'prom-client';
import type { MetricGroup } from './group.js';

/** What became of each event. */
export const events: MetricGroup = ({ registry, domains, actions, reasons, on }) => {
  const registers = [registry];
  const total = new Counter({
    name: 'isthmus_events_total',
    help: 'Events by domain, action and outcome: accepted, refused or dead-letter.',
    labelNames: ['domain', 'action', 'outcome'],
    registers,
  });
  const refused = new Counter({
    name: 'isthmus_refused_events_total',
    help: 'Valid events that preprocessing refused, by reason (bots, duplicates ...).',
    labelNames: ['reason'],
    registers,
  });
  const deadLetters = new Counter({
    name: 'isthmus_dead_letters_total',
    help: 'Records sent to the dead-letter topic, by reason.',
    labelNames: ['reason'],
    registers,
  });
  on('isthmus:event', ({ domain, action, outcome, reason, count }) => {
    const accepted = outcome === 'accepted';
    total.inc(
      {
        domain: accepted ? domains.admit(domain) : domains.known(domain),
        action: accepted ? actions.admit(action) : actions.known(action),
        outcome,
      },
      count,
    );
    if (outcome === 'refused') refused.inc({ reason: reasons.admit(reason) }, count);
    if (outcome === 'dead-letter') deadLetters.inc({ reason: reasons.admit(reason) }, count);
  });
};
