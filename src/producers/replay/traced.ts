import type { LogProducer, OutgoingRecord } from '../../transport/transport.js';

/** Begins the span of so many records that are sent together; its `traceparent` is undefined where it is not sampled. */
export type TraceSend = (records: number) => {
  traceparent(): string | undefined;
  end(error?: unknown): void;
};

/** Sends records under a span of their own, which their headers name. Errors: those of the producer. */
export async function sendTraced(
  producer: LogProducer,
  records: readonly OutgoingRecord[],
  trace?: TraceSend,
): Promise<void> {
  if (trace === undefined) return producer.send(records);
  const span = trace(records.length);
  const traceparent = span.traceparent();
  const named =
    traceparent === undefined
      ? records
      : records.map((record) => ({ ...record, headers: { ...record.headers, traceparent } }));
  try {
    await producer.send(named);
    span.end();
  } catch (error) {
    span.end(error);
    throw error;
  }
}
