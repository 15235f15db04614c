import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { gathered } from '../../src/transport/kafka/client.js';
import { type RequestQueue, restQueue } from '../../src/transport/kafka/internals.js';
import { silentLogger } from '../../src/transport/kafka/logging.js';

const Queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: object,
) => RequestQueue & {
  push(request: object): void;
  fulfillRequest(response: object): void;
  maybeThrottle(milliseconds: number): void;
};

afterEach(() => {
  vi.useRealTimers();
});

it('what is written before the event loop goes on is sent at once, in its order', async () => {
  const calls: string[][] = [];
  const socket = gathered(
    new Writable({
      write: (chunk, _, done) => {
        calls.push([String(chunk)]);
        done();
      },
      writev: (chunks, done) => {
        calls.push(chunks.map(({ chunk }) => String(chunk)));
        done();
      },
    }),
  );
  socket.write('a');
  await Promise.resolve();
  socket.write('b');
  await Promise.resolve();
  socket.write('c');
  await nextTurn();
  expect(calls).toEqual([['a', 'b', 'c']]);
  socket.write('d');
  await nextTurn();
  expect(calls).toEqual([['a', 'b', 'c'], ['d']]);
});

it('a queue without requests looks for none, and sends those that were held back', () => {
  vi.useFakeTimers();
  const queue = new Queue({
    ...{ clientId: 'c', broker: 'b', logger: silentLogger, maxInFlightRequests: null },
    ...{ requestTimeout: 1_000, enforceRequestTimeout: false },
  });
  restQueue(queue);
  const sent: number[] = [];
  const push = (correlationId: number): void =>
    queue.push({
      entry: { apiKey: 0, apiName: 'n', apiVersion: 0, correlationId, resolve: () => undefined },
      expectResponse: true,
      sendRequest: () => sent.push(correlationId),
    });
  push(1);
  queue.fulfillRequest({ correlationId: 1, payload: null, size: 0 });
  expect(vi.getTimerCount()).toBe(0);
  queue.maybeThrottle(50);
  push(2);
  expect(sent).toEqual([1]);
  vi.advanceTimersByTime(100);
  expect(sent).toEqual([1, 2]);
  expect(vi.getTimerCount()).toBe(0);
});
