import type { Child } from './child.js';
import type { Experiment, Lab } from './lab.js';
import type { ServiceFigures, ServiceMessages, ServiceTask } from './service-process.js';

/** What a service did in the time that was counted. */
export interface Drained extends ServiceFigures {
  readonly eventsPerSecond: number;
  /** Of the broker, between the end of the warm-up and the end; NaN where the system does not tell. */
  readonly brokerCpuSeconds: number;
}

/** Starts the service on an input that is there already, and waits until it has committed enough. */
export async function drain(lab: Lab, experiment: Experiment, task: ServiceTask): Promise<Drained> {
  const service = lab.service(experiment, task);
  const counted = await countedBy(lab, service);
  await service.end();
  return counted;
}

/** What a service counts, from the end of its warm-up on, and the broker's part in it. */
export async function countedBy(lab: Lab, service: Child<ServiceMessages>): Promise<Drained> {
  await service.received('warm');
  const before = lab.brokerCpuSeconds() ?? Number.NaN;
  const figures = await service.received('done');
  const brokerCpuSeconds = (lab.brokerCpuSeconds() ?? Number.NaN) - before;
  return { ...figures, eventsPerSecond: figures.events / figures.seconds, brokerCpuSeconds };
}

/** Every touched user is answered in each commit, however far behind the end the service is. */
export const ANSWER_ALL = { ISTHMUS_CATCH_UP_LAG: String(Number.MAX_SAFE_INTEGER) };
