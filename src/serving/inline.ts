import { publish } from '../diagnostics.js';
import type { EncodedList, ListJob, ListMaker } from '../tasks/lists.js';
import type { ListEncoder } from './encoded.js';

/** Makes lists out of the process's own model, in its event loop. */
export class InlineLists implements ListMaker {
  readonly #app: string;
  readonly #encoder: ListEncoder;
  readonly #schemaId: () => number;

  /** @param schemaId Of RecommendationList; known once it is registered. */
  constructor(app: string, encoder: ListEncoder, schemaId: () => number) {
    this.#app = app;
    this.#encoder = encoder;
    this.#schemaId = schemaId;
  }

  async make({ partition, requests, n, breathe }: ListJob): Promise<EncodedList[]> {
    const made: EncodedList[] = [];
    let begin = performance.now();
    for (const { users, lists, encoded } of this.#encoder.passes(requests, n, this.#schemaId())) {
      for (const { request, domain, value } of encoded) {
        const { user, basedOn } = requests[request]!;
        made.push({ user, basedOn, domain, value });
      }
      publish('isthmus:recommend', {
        app: this.#app,
        partition,
        users,
        lists: lists.length,
        seconds: (performance.now() - begin) / 1000,
        transfers: lists,
      });
      await breathe();
      begin = performance.now();
    }
    return made;
  }
}
