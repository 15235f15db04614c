import type { BasedOn } from '../online/types.js';
import type { User } from '../online/user.js';

/** A user to be answered: a list for each of some domains. */
export interface ListRequest {
  /** Read only, and not changed before the lists are there. */
  readonly user: User;
  /** The user's newest event. */
  readonly basedOn: BasedOn;
  /** Indices of the target domains in the process's model. */
  readonly domains: readonly number[];
}

/** The lists of one cycle of a task. */
export interface ListJob {
  /** Of the input. */
  readonly partition: number;
  readonly requests: readonly ListRequest[];
  /** Items of a list. */
  readonly n: number;
  /** Lets the event loop breathe, for whoever works in it. */
  readonly breathe: () => Promise<void>;
}

/** A list, ready to be sent. */
export interface EncodedList {
  readonly user: User;
  readonly basedOn: BasedOn;
  readonly domain: string;
  /** RecommendationList in the wire format. */
  readonly value: Buffer;
}

/** Makes lists: in the event loop of the tasks, or beside it. */
export interface ListMaker {
  /**
   * Returns the lists in the order of the requests; those without items are left out. The model that
   * they are made of has in it whatever was made one delta before (`CycleDeltas.coalesce`). Tells
   * `isthmus:recommend`. Errors: fatal ones only.
   */
  make(job: ListJob): Promise<EncodedList[]>;
}
