import { isValidSpanId, isValidTraceId, type SpanContext } from '@opentelemetry/api';

/** What a `traceparent` says (W3C Trace Context, level 1, section 3.2). */
export interface Traceparent {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero. */
  readonly spanId: string;
  /** Bit 0: sampled. */
  readonly traceFlags: number;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The parts of a header such as `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`, or
 * undefined where it is not one. Versions to come may have more parts at the end, version 00 not.
 */
export function parseTraceparent(header: string): Traceparent | undefined {
  const found = FORM.exec(header.trim());
  if (found === null) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', rest] = found;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (!isValidTraceId(traceId) || !isValidSpanId(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

/** The header, version 00. */
export function formatTraceparent(context: Traceparent): string {
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}

/** The same as a span of another process. */
export function spanContextOf(parts: Traceparent): SpanContext {
  return { ...parts, isRemote: true };
}
