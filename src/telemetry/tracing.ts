import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent, spanContextOf } from './traceparent.js';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A record's headers, as the transport has them. */
export type RecordHeaders = Readonly<Record<string, Buffer>>;

/** One step in a batch. */
export interface StepSpan {
  /** Ends it; with an error it is marked as failed. Only the first call counts. */
  end(error?: unknown): void;
}

/** A span under which records are written. */
export interface SendSpan {
  /**
   * The `traceparent` for the headers of the records; undefined where the span is not sampled (then
   * there is nothing to be found under it).
   */
  traceparent(): string | undefined;
  /** Ends the span; with an error it is marked as failed. Only the first call counts. */
  end(error?: unknown): void;
}

/** The spans of one batch: `consume`, and below it a step each for what is done with the batch. */
export interface BatchSpan extends SendSpan {
  /** Starts a step (`learn`, `recommend`, `commit` ...). Steps may overlap. */
  span(name: string, attributes?: SpanAttributes): StepSpan;
}

/** Traces for the task layer. One per service; nothing global. */
export interface Tracing {
  readonly enabled: boolean;
  /**
   * Starts the span of a batch (kind CONSUMER, a trace of its own), linked to the sampled
   * `traceparent`s in the headers of its records, up to 128 different ones.
   */
  batch(
    records: Iterable<{ readonly headers: RecordHeaders }>,
    attributes?: SpanAttributes,
  ): BatchSpan;
  /** Starts the span of so many records that are sent together (`send`, kind PRODUCER), a trace of its own. */
  send(topic: string, records: number): SendSpan;
  /** Sends what is left, for a bounded time, and stops. Never throws. */
  close(): Promise<void>;
}

/** Does nothing, costs nothing. */
export const noTracing: Tracing = (() => {
  const step: StepSpan = { end() {} };
  const batch: BatchSpan = { span: () => step, traceparent: () => undefined, end() {} };
  return {
    enabled: false,
    batch: () => batch,
    send: () => batch,
    close: () => Promise.resolve(),
  };
})();

export interface TracingOptions {
  /** `service.name` where OTEL_SERVICE_NAME says nothing else. */
  readonly serviceName: string;
  /** `service.version`. */
  readonly serviceVersion?: string;
  /** Default `process.env`; of it only OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long `close` waits for a receiver that does not answer. */
  readonly closeWithinMs?: number;
}

/**
 * Tracing that exports over OTLP/HTTP where OTEL_EXPORTER_OTLP_ENDPOINT is set (and neither
 * OTEL_SDK_DISABLED=true nor OTEL_TRACES_EXPORTER=none); otherwise `noTracing`, and the SDK is not
 * even loaded. The sampler is OTEL_TRACES_SAMPLER's (all by default).
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const env = options.env ?? process.env;
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined || endpoint === '') return noTracing;
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return noTracing;
  const { startExporter } = await import('./exporter.js');
  const exporter = startExporter({
    endpoint,
    serviceName: env.OTEL_SERVICE_NAME ?? options.serviceName,
    serviceVersion: options.serviceVersion,
    closeWithinMs: options.closeWithinMs ?? 2000,
  });
  return tracingWith(exporter.tracer, exporter.close);
}

/** Tracing over any tracer; `close` is called once. */
export function tracingWith(tracer: Tracer, close: () => Promise<void>): Tracing {
  let closed: Promise<void> | undefined;
  const begin = (name: string, kind: SpanKind, attributes: SpanAttributes): Span =>
    tracer.startSpan(name, { kind, root: true, attributes: { ...attributes } }, ROOT_CONTEXT);
  return {
    enabled: true,
    batch(records, attributes = {}) {
      const root = begin('consume', SpanKind.CONSUMER, attributes);
      if (!root.isRecording()) return unsampled;
      root.addLinks(linksOf(records));
      return new RecordedBatch(tracer, root);
    },
    send(topic, records) {
      const root = begin('send', SpanKind.PRODUCER, {
        'messaging.destination.name': topic,
        'messaging.batch.message_count': records,
      });
      return root.isRecording() ? new RecordedBatch(tracer, root) : unsampled;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

const unsampled = noTracing.batch([]);
const MOST_LINKS = 128;

function linksOf(records: Iterable<{ readonly headers: RecordHeaders }>): Link[] {
  const links: Link[] = [];
  const seen = new Set<string>();
  for (const { headers } of records) {
    const header = headers.traceparent;
    if (header === undefined) continue;
    const context = parseTraceparent(header.toString('latin1'));
    if (context === undefined || (context.traceFlags & TraceFlags.SAMPLED) === 0) continue;
    const key = context.traceId + context.spanId;
    if (seen.has(key)) continue;
    seen.add(key);
    links.push({ context: spanContextOf(context) });
    if (links.length === MOST_LINKS) break;
  }
  return links;
}

class RecordedBatch implements BatchSpan {
  readonly #tracer: Tracer;
  readonly #root: Span;
  readonly #context: Context;

  constructor(tracer: Tracer, root: Span) {
    this.#tracer = tracer;
    this.#root = root;
    this.#context = trace.setSpan(ROOT_CONTEXT, root);
  }

  span(name: string, attributes: SpanAttributes = {}): StepSpan {
    const span = this.#tracer.startSpan(
      name,
      { kind: SpanKind.INTERNAL, attributes: { ...attributes } },
      this.#context,
    );
    return { end: (error) => finish(span, error) };
  }

  traceparent(): string {
    return formatTraceparent(this.#root.spanContext());
  }

  end(error?: unknown): void {
    finish(this.#root, error);
  }
}

function finish(span: Span, error: unknown): void {
  if (!span.isRecording()) return;
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : String(error);
    span.recordException(error instanceof Error ? error : message);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}
