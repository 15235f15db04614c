import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.js';
import { createTower } from '../online/tower/backend.js';
import { ListEncoder } from './encoded.js';
import { type HostMessage, ServingHost } from './host.js';
import { modelOf, recommenderOf } from './settings.js';
import type { ThreadData } from './thread.js';

/**
 * What a serving thread runs. Whatever fails ends it, and with it the process (thread.ts).
 */
const { settings, backend } = workerData as ThreadData;
const { tower } = await createTower(backend, settings.learner.phi);
const model = modelOf(settings);
const recommender = recommenderOf(model, tower, settings);
const host = new ServingHost(model, new ListEncoder(model, recommender, systemClock.now));
const port = parentPort!;
port.on('message', (message: HostMessage) => {
  const answer = host.handle(message);
  if (answer === null) return;
  const { bytes, places, sources, gates } = answer.lists;
  port.postMessage(
    answer,
    [bytes, places, sources, gates].map(({ buffer }) => buffer as ArrayBuffer),
  );
});
