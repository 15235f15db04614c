import type { Serde } from '../../serde/serde.js';
import type { Item } from '../../serde/types.js';
import type { LogProducer } from '../../transport/transport.js';
import { sendTraced, type TraceSend } from './traced.js';

const ITEMS_AT_ONCE = 500;

/** Writes items in batches; their keys are `domain/id`. Errors: those of the producer. */
export async function sendItems(
  items: readonly Item[],
  producer: LogProducer,
  options: { readonly topic: string; readonly serde: Serde; readonly trace: TraceSend },
): Promise<void> {
  const { topic, serde, trace } = options;
  for (let from = 0; from < items.length; from += ITEMS_AT_ONCE) {
    const records = items.slice(from, from + ITEMS_AT_ONCE).map((item) => ({
      topic,
      key: `${item.domain}/${item.itemId}`,
      value: serde.items.encode(item),
    }));
    await sendTraced(producer, records, trace);
  }
}
