import type { BasedOn, Recommendation } from '../online/types.js';
import type { AvroWriter } from './avro-writer.js';

/**
 * Returns the bytes of a RecommendationList: those that its codec writes (a test holds them together),
 * without the objects in between.
 *
 * @param schemaId Of RecommendationList.
 */
export function encodeList(
  writer: AvroWriter,
  schemaId: number,
  list: Recommendation,
  lineage: { modelVersion: number; basedOn: BasedOn; generatedAtMs: number },
): Buffer {
  writer.begin(schemaId);
  writer.text(list.userId);
  writer.text(list.domain);
  if (list.items.length > 0) writer.long(list.items.length);
  for (const { itemId, score, because } of list.items) {
    writer.text(itemId);
    writer.float(score);
    if (because !== undefined && because.length > 0) {
      writer.long(because.length);
      for (const touched of because) {
        writer.text(touched.itemId);
        writer.text(touched.domain);
      }
    }
    writer.long(0);
  }
  writer.long(0);
  writer.long(lineage.modelVersion);
  writeBasedOn(writer, lineage.basedOn);
  if (list.transfer.length > 0) writer.long(list.transfer.length);
  for (const { fromDomain, weight } of list.transfer) {
    writer.text(fromDomain);
    writer.float(weight);
  }
  writer.long(0);
  writer.long(lineage.generatedAtMs);
  return writer.finish();
}

export function writeBasedOn(writer: AvroWriter, place: BasedOn): void {
  writer.text(place.topic);
  writer.long(place.partition);
  writer.long(Number(place.offset));
  writer.long(place.occurredAtMs);
}
