import type { TestProject } from 'vitest/node';
import { EmbeddedKafka } from '../../../src/broker/embedded.js';
import { STEADY } from './steady.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** host:port of the broker of this run. */
    kafkaBrokers: string;
  }
}

/**
 * The broker of the whole integration run: KAFKA_BROKERS where that is set, else an embedded one.
 * Tests find it by `inject('kafkaBrokers')`; each makes topics, groups and ids of its own.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined && given !== '') {
    project.provide('kafkaBrokers', given);
    return () => Promise.resolve();
  }
  const kafka = await EmbeddedKafka.start({ properties: () => STEADY }).catch((error: Error) => {
    // Of an error in here Vitest may say no more than that there are no tests.
    console.error(error.message);
    throw error;
  });
  project.provide('kafkaBrokers', kafka.bootstrap);
  return () => kafka.stop();
}
