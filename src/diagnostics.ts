import { channel } from 'node:diagnostics_channel';
import type { PrequentialSample } from './online/types.js';

/**
 * What the core tells the world. It publishes on `node:diagnostics_channel`; metrics, telemetry and
 * the demo subscribe. The core does not know them, and publishing costs next to nothing where
 * nobody listens. Durations are in seconds, times in milliseconds since the epoch.
 *
 * Each payload carries `app`, so that a process can hold two services. Publish by batch, not by
 * event: arrays are read at once and not kept, so they may be reused or dropped afterwards.
 */
export interface DiagnosticEvents {
  /** An event was accepted, refused (with the reason) or sent to the dead letters. */
  'isthmus:event': {
    app: string;
    domain: string;
    action: string;
    outcome: 'accepted' | 'refused' | 'dead-letter';
    /** Empty where accepted. */
    reason: string;
    count: number;
  };
  /** A mini-batch was learned. */
  'isthmus:learn': {
    app: string;
    partition: number;
    events: number;
    examples: number;
    seconds: number;
    /** Mean binary cross-entropy per scored item. */
    loss: number;
  };
  /**
   * The loss of a pair of domains went up, or of the target as a whole where both are the same: also told
   * where the transaction is aborted afterwards.
   */
  'isthmus:drift': { app: string; source: string; target: string };
  /** Lists were made. */
  'isthmus:recommend': {
    app: string;
    partition: number;
    users: number;
    lists: number;
    seconds: number;
    /** What the gate gave to each source domain, list by list (a `Recommendation` will do). */
    transfers?: readonly {
      readonly domain: string;
      readonly transfer: readonly { readonly fromDomain: string; readonly weight: number }[];
    }[];
  };
  /** A batch was decoded. */
  'isthmus:decode': { app: string; partition: number; records: number; seconds: number };
  /** Output records were encoded. */
  'isthmus:encode': {
    app: string;
    partition: number;
    records: number;
    bytes: number;
    seconds: number;
  };
  /** A transaction ended. */
  'isthmus:transaction': {
    app: string;
    partition: number;
    outcome: 'committed' | 'aborted' | 'fenced';
    events: number;
    seconds: number;
    deltaBytes: number;
  };
  /** From the event's record timestamp to the commit of the list based on it; one per list. */
  'isthmus:freshness': { app: string; partition: number; seconds: ArrayLike<number> };
  /** `records`: from the next offset to be committed to the high watermark. */
  'isthmus:lag': { app: string; topic: string; partition: number; records: number };
  /** Test-then-train: the scored events of a batch. */
  'isthmus:prequential': { app: string; samples: readonly PrequentialSample[] };
  /** A task went from one state to the next (`from` is empty for a new one). */
  'isthmus:task': { app: string; topic: string; partition: number; from: string; to: string };
  /** How far a restore is. The first one of a restore tells where it starts. */
  'isthmus:restore': {
    app: string;
    partition: number;
    what: 'user-state' | 'model' | 'snapshot';
    /** The next offset to be read. */
    position: bigint;
    /** The high watermark that it goes to. */
    end: bigint;
    /** Since its start. */
    seconds: number;
    done: boolean;
  };
  /** A record of the delta topic was applied (foreign), or recognised as our own. */
  'isthmus:delta': {
    app: string;
    partition: number;
    own: boolean;
    bytes: number;
    seconds: number;
    /** Record timestamp. */
    timestampMs: number;
  };
  /** The committed model was hashed, as it was at these offsets (by partition). */
  'isthmus:digest': { app: string; deltaOffsets: readonly bigint[]; sha256: string };
  /** A snapshot was written, or not; the figures are 0 where not. */
  'isthmus:snapshot': {
    app: string;
    outcome: 'written' | 'failed' | 'fenced';
    seconds: number;
    /** For how long the event loop stood still while the model was copied. */
    pauseSeconds: number;
    bytes: number;
  };
  /** The newest snapshot that this process knows of. */
  'isthmus:snapshot-known': { app: string; createdAtMs: number };
  /** A snapshot could not be used, and the one before was tried. */
  'isthmus:snapshot-refused': { app: string; reason: string };
  /** Records of the delta topic that are there and not yet applied. Told after each read. */
  'isthmus:delta-lag': {
    app: string;
    partition: number;
    records: number;
    /** Record timestamp of the newest record that was read; null where none was. */
    timestampMs: number | null;
  };
  /** Committed events of users who do not belong in the partition that they came in. */
  'isthmus:misplaced': { app: string; topic: string; partition: number; count: number };
  /** A transaction of the repartition step ended. */
  'isthmus:repartition': {
    app: string;
    topic: string;
    partition: number;
    outcome: 'committed' | 'aborted' | 'fenced';
    records: number;
    seconds: number;
  };
  /** A transaction of a task of the items topic ended. */
  'isthmus:items': {
    app: string;
    topic: string;
    partition: number;
    outcome: 'committed' | 'aborted' | 'fenced';
    records: number;
    seconds: number;
  };
  /** A question about a user was answered: out of a task, out of a standby, by another process, or not. */
  'isthmus:question': {
    app: string;
    outcome: 'here' | 'standby' | 'forwarded' | 'misdirected' | 'unavailable';
  };
  /** A task went on from another offset than the committed one, which is not in the log. */
  'isthmus:offset-reset': {
    app: string;
    topic: string;
    partition: number;
    policy: 'earliest' | 'latest';
    skipped: number;
  };
  /** How far a standby is: the next offset to be read, and the end. `done`: it follows no more. */
  'isthmus:standby': {
    app: string;
    partition: number;
    position: bigint;
    end: bigint;
    done: boolean;
  };
  /** The group or the broker was lost, or is back. */
  'isthmus:connection': { app: string; connected: boolean };
}

export type DiagnosticName = keyof DiagnosticEvents;

const channels = new Map<DiagnosticName, ReturnType<typeof channel>>();

function channelOf(name: DiagnosticName): ReturnType<typeof channel> {
  let found = channels.get(name);
  if (found === undefined) {
    found = channel(name);
    channels.set(name, found);
  }
  return found;
}

/** Tells all subscribers. */
export function publish<N extends DiagnosticName>(name: N, event: DiagnosticEvents[N]): void {
  channelOf(name).publish(event);
}

/** Returns whether anybody listens, to spare the making of costly payloads. */
export function hasSubscribers(name: DiagnosticName): boolean {
  return channelOf(name).hasSubscribers;
}

/** Calls `listener` for each event until the returned function is called. */
export function subscribe<N extends DiagnosticName>(
  name: N,
  listener: (event: DiagnosticEvents[N]) => void,
): () => void {
  const target = channelOf(name);
  const wrapped = (message: unknown): void => listener(message as DiagnosticEvents[N]);
  target.subscribe(wrapped);
  return () => {
    target.unsubscribe(wrapped);
  };
}
