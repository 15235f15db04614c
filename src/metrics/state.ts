import { Counter, Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

const STATES = ['created', 'fencing', 'restoring', 'running', 'closing', 'closed'] as const;

/** Whether the service and its tasks do what they should. */
export const state: MetricGroup = ({ registry, view, on }) => {
  const registers = [registry];
  new Gauge({
    name: 'isthmus_ready',
    help: '1 where /readyz says yes, 0 while restoring or cut off from Kafka.',
    registers,
    collect() {
      this.set(view.readiness().ok ? 1 : 0);
    },
  });
  new Gauge({
    name: 'isthmus_tasks',
    help: 'Tasks of this process by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const name of STATES) this.set({ state: name }, 0);
      for (const task of view.tasks()) this.inc({ state: task.state });
    },
  });
  const transitions = new Counter({
    name: 'isthmus_task_transitions_total',
    help: 'Changes of state of tasks, by the state that they went to.',
    labelNames: ['to'],
    registers,
  });
  for (const to of STATES) transitions.inc({ to }, 0);
  on('isthmus:task', ({ to }) => {
    transitions.inc({ to });
  });
  const losses = new Counter({
    name: 'isthmus_connection_losses_total',
    help: 'Times that the broker or the group was lost.',
    registers,
  });
  on('isthmus:connection', ({ connected }) => {
    if (!connected) losses.inc();
  });
};
