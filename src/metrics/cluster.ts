import { Counter, Gauge } from 'prom-client';
import type { MetricGroup } from './group.js';

const QUESTIONS = ['here', 'standby', 'forwarded', 'misdirected', 'unavailable'] as const;

/** Questions between the processes of an application, and their standbys. */
export const cluster: MetricGroup = ({ registry, on }) => {
  const registers = [registry];
  const questions = new Counter({
    name: 'isthmus_questions_total',
    help: 'Questions about users by how they were answered: here, standby, forwarded, misdirected, unavailable.',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of QUESTIONS) questions.inc({ outcome }, 0);
  on('isthmus:question', ({ outcome }) => {
    questions.inc({ outcome });
  });
  const lag = new Gauge({
    name: 'isthmus_standby_lag_records',
    help: 'Records of the user changelog that the standby of the partition has not read.',
    labelNames: ['partition'],
    registers,
  });
  on('isthmus:standby', ({ partition, position, end, done }) => {
    if (done) lag.remove({ partition });
    else lag.set({ partition }, Number(end - position));
  });
};
