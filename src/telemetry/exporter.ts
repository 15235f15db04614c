import type { Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { node, resources, tracing } from '@opentelemetry/sdk-node';

/**
 * The SDK's side of tracing. Loaded only where traces are wanted (see `startTracing`): it costs
 * some 100 ms and 20 MB. The provider is not registered globally, so a process can hold two.
 */
export function startExporter(options: {
  readonly endpoint: string;
  readonly serviceName: string;
  readonly serviceVersion: string | undefined;
  readonly closeWithinMs: number;
}): { tracer: Tracer; close: () => Promise<void> } {
  const resource = resources
    .defaultResource()
    .merge(resources.detectResources({ detectors: [resources.envDetector] }))
    .merge(
      resources.resourceFromAttributes({
        'service.name': options.serviceName,
        ...(options.serviceVersion === undefined
          ? {}
          : { 'service.version': options.serviceVersion }),
      }),
    );
  const provider = new node.NodeTracerProvider({
    resource,
    spanProcessors: [
      new tracing.BatchSpanProcessor(new OTLPTraceExporter({ url: tracesUrl(options.endpoint) }), {
        scheduledDelayMillis: 1000,
      }),
    ],
  });
  return {
    tracer: provider.getTracer('isthmus', options.serviceVersion),
    close: () => withinMs(provider.shutdown(), options.closeWithinMs),
  };
}

/** OTLP over HTTP: the signal's path is added to the endpoint (specification, exporter section). */
function tracesUrl(endpoint: string): string {
  return `${endpoint.replace(/\/+$/, '')}/v1/traces`;
}

/** Waits for the work, but no longer than this; an exporter without a receiver must not hold an exit up. */
async function withinMs(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
