import type { Model } from '../online/model.js';
import type { RecommendationRequest, Recommender } from '../online/serving/recommender.js';
import type { Recommendation } from '../online/types.js';
import { AvroWriter } from '../serde/avro-writer.js';
import { encodeList } from '../serde/lean-list.js';
import type { ListRequest } from '../tasks/lists.js';

/** What was made of some requests. */
export interface MadeLists {
  /** How many requests it is of. */
  readonly users: number;
  /** One for each domain of each request in turn. */
  readonly lists: readonly Recommendation[];
  /** Of those with items: the number of the request, and RecommendationList in the wire format. */
  readonly encoded: readonly {
    readonly request: number;
    readonly domain: string;
    readonly value: Buffer;
  }[];
}

/** Users whose lists are made in one pass, and lists unless one user has more: nothing else is done meanwhile. */
const USERS_PER_PASS = 64;
const LISTS_PER_PASS = 256;

/** Makes lists and encodes them. */
export class ListEncoder {
  readonly #model: Model;
  readonly #recommender: Recommender;
  readonly #now: () => number;
  readonly #writer = new AvroWriter();

  /** @param now Milliseconds since the epoch, for `generatedAt`. */
  constructor(model: Model, recommender: Recommender, now: () => number) {
    this.#model = model;
    this.#recommender = recommender;
    this.#now = now;
  }

  /**
   * The lists, pass by pass. Numbers of requests are those in `requests`.
   *
   * @param schemaId Of RecommendationList.
   */
  *passes(requests: readonly ListRequest[], n: number, schemaId: number): Generator<MadeLists> {
    let [from, lists] = [0, 0];
    for (let end = 0; end < requests.length; end++) {
      const more = requests[end]!.domains.length;
      if (end > from && (end - from === USERS_PER_PASS || lists + more > LISTS_PER_PASS)) {
        yield this.#pass(requests, from, end, n, schemaId);
        [from, lists] = [end, 0];
      }
      lists += more;
    }
    if (from < requests.length) yield this.#pass(requests, from, requests.length, n, schemaId);
  }

  #pass(
    requests: readonly ListRequest[],
    from: number,
    end: number,
    n: number,
    schemaId: number,
  ): MadeLists {
    const model = this.#model;
    const wanted: RecommendationRequest[] = [];
    const requestOf: number[] = [];
    for (let request = from; request < end; request++) {
      const { user, domains } = requests[request]!;
      for (const index of domains) {
        wanted.push({ user, domain: model.domainName(index), n });
        requestOf.push(request);
      }
    }
    const lists = this.#recommender.recommend(wanted);
    const modelVersion = model.trainedEvents;
    const generatedAtMs = this.#now();
    const encoded: { request: number; domain: string; value: Buffer }[] = [];
    for (const [i, list] of lists.entries()) {
      if (list.items.length === 0) continue;
      const request = requestOf[i]!;
      const { basedOn } = requests[request]!;
      const lineage = { modelVersion, basedOn, generatedAtMs };
      const value = encodeList(this.#writer, schemaId, list, lineage);
      encoded.push({ request, domain: list.domain, value });
    }
    return { users: end - from, lists, encoded };
  }
}
