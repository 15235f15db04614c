import type { BenchContext } from './benches.js';
import { COMPARED_EVENTS, compareDrained } from './compare.js';
import { Lab } from './lab.js';
import { OtlpReceiver } from './otlp-receiver.js';

/** One in so many: of the traces of the producers, and of the batches of the service. */
const SAMPLED = 100;

/** The same input, of producers that trace, drained with and without tracing, in turns. */
export async function benchTracing(context: BenchContext): Promise<void> {
  const receiver = await OtlpReceiver.start();
  try {
    await Lab.with(context, async (lab) => {
      const { config } = await lab.experiment();
      await lab.preload(config, 1_000, COMPARED_EVENTS, (i) => ({ traceparent: traceparent(i) }));
      await compareDrained(lab, context.report, {
        bench: 'tracing',
        input: config.inputTopic,
        rounds: context.rounds,
        ours: {
          name: 'one in a hundred',
          settings: {
            OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
            OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
            OTEL_TRACES_SAMPLER_ARG: String(1 / SAMPLED),
          },
        },
        peer: { name: 'no tracing', settings: {} },
      });
    });
    context.report({ name: 'tracing.spans', value: receiver.spans, unit: 'spans' });
    context.report({ name: 'tracing.bytes', value: receiver.bytes, unit: 'bytes' });
  } finally {
    await receiver.close();
  }
}

/** Of the event's own trace, which its producer sampled or not. */
function traceparent(event: number): string {
  const hex = (event + 1).toString(16);
  const flags = event % SAMPLED === 0 ? '01' : '00';
  return `00-${hex.padStart(32, '0')}-${hex.padStart(16, '0')}-${flags}`;
}
