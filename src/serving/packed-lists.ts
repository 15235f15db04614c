import type { Recommendation } from '../online/types.js';
import type { MadeLists } from './encoded.js';

/** Lists as flat columns. */
export interface PackedLists {
  /** One after the other: RecommendationList in the wire format. */
  readonly bytes: Uint8Array;
  /** By list: number of the request, place of the domain in `names`, where its bytes end. */
  readonly places: Int32Array;
  /** Lists that were made, those without items among them. */
  readonly made: number;
  readonly names: readonly string[];
  /** What the gate gave, by list that was made: domain, number of sources, these (places in `names`). */
  readonly sources: Int32Array;
  /** By source. */
  readonly gates: Float64Array;
}

export type Transfers = readonly Pick<Recommendation, 'domain' | 'transfer'>[];

export function packLists(passes: readonly MadeLists[]): PackedLists {
  const lists = passes.flatMap((pass) => pass.lists);
  const encoded = passes.flatMap((pass) => pass.encoded);
  const names: string[] = [];
  const place = (name: string): number => {
    const known = names.indexOf(name);
    return known >= 0 ? known : names.push(name) - 1;
  };
  const bytes = new Uint8Array(encoded.reduce((sum, { value }) => sum + value.length, 0));
  const places = new Int32Array(encoded.length * 3);
  let end = 0;
  for (let i = 0; i < encoded.length; i++) {
    const { request, domain, value } = encoded[i]!;
    bytes.set(value, end);
    end += value.length;
    places[i * 3] = request;
    places[i * 3 + 1] = place(domain);
    places[i * 3 + 2] = end;
  }
  const gated = lists.reduce((sum, { transfer }) => sum + transfer.length, 0);
  const sources = new Int32Array(lists.length * 2 + gated);
  const gates = new Float64Array(gated);
  let [s, g] = [0, 0];
  for (const { domain, transfer } of lists) {
    sources[s++] = place(domain);
    sources[s++] = transfer.length;
    for (const { fromDomain, weight } of transfer) {
      sources[s++] = place(fromDomain);
      gates[g++] = weight;
    }
  }
  return { bytes, places, made: lists.length, names, sources, gates };
}

/** The encoded lists, as views into the packed bytes. */
export function unpackLists({ bytes, places, names }: PackedLists): MadeLists['encoded'] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoded: { request: number; domain: string; value: Buffer }[] = [];
  let from = 0;
  for (let i = 0; i < places.length; i += 3) {
    const end = places[i + 2]!;
    const value = all.subarray(from, end);
    encoded.push({ request: places[i]!, domain: names[places[i + 1]!]!, value });
    from = end;
  }
  return encoded;
}

/** What the gate gave to each source domain, list by list. */
export function unpackTransfers({ made, names, sources, gates }: PackedLists): Transfers {
  let [s, g] = [0, 0];
  return Array.from({ length: made }, () => {
    const domain = names[sources[s++]!]!;
    const transfer: { fromDomain: string; weight: number }[] = [];
    for (let left = sources[s++]!; left > 0; left--) {
      transfer.push({ fromDomain: names[sources[s++]!]!, weight: gates[g++]! });
    }
    return { domain, transfer };
  });
}
