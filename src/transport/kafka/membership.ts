import { setTimeout as sleep } from 'node:timers/promises';
import { membershipLost, topicMissing } from '../errors.js';
import type { GroupMemberInfo, MemberClaim, TopicPartition } from '../transport.js';
import { disconnect, reconnect } from './client.js';
import {
  errorType,
  isConnectionFault,
  isCoordinatorFault,
  isRetriable,
  ownError,
  rootCause,
} from './faults.js';
import { assignAll, decodeAssignment, encodeClaim, type Tenure } from './group-protocol.js';
import { type Broker, type Cluster, coordinatorTypes } from './internals.js';
import type { TransportLogger } from './logging.js';
import { jittered, retrying } from './retry.js';

export interface MembershipOptions {
  readonly groupId: string;
  readonly topics: readonly (string | RegExp)[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly logger: TransportLogger;
  readonly claim: () => MemberClaim;
  /** Connections of their own, for a word to the coordinator while others wait for an answer. */
  readonly connections: () => Cluster;
  readonly onAssigned: (partitions: TopicPartition[], members: readonly GroupMemberInfo[]) => void;
  readonly onConnection: (connected: boolean) => void;
  readonly onCrash: (error: Error) => void;
}

const rejoinTypes = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);

/** How often topics are looked for that have come to match a pattern since. */
const patternIntervalMs = 30_000;
/** The longest that a leaving member waits for the coordinator. */
const leaveWithinMs = 1_000;
const nothing: Tenure = { owned: [], generation: -1 };

/**
 * A member of a consumer group (classic protocol, eager, partitions dealt as assignor.ts says): joins,
 * beats, joins again when the group changes, for ever. Heartbeats have a timer of their own, so a handler
 * may take its time.
 */
export class Membership {
  readonly #cluster: Cluster;
  readonly #options: MembershipOptions;
  readonly #stop = new AbortController();
  #memberId = '';
  #generation = -1;
  #tenure = nothing;
  /** The topics as of the last look at the patterns. */
  #topicsKey = '';
  #coordinator: Broker | null = null;
  /** Whether the coordinator has yet to answer a join: it reads nothing else from that connection. */
  #joining = false;
  #rejoin = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, options: MembershipOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  run(): void {
    this.#loop = this.#run();
  }

  async rejoin(): Promise<void> {
    this.#tenure = nothing;
    await this.#leave();
    this.#rejoin.abort();
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#rejoin.abort();
    await this.#leave();
    await Promise.race([this.#loop, sleep(leaveWithinMs)]);
  }

  async commit(offsets: readonly (TopicPartition & { offset: bigint })[]): Promise<void> {
    const { groupId } = this.#options;
    const memberId = this.#memberId;
    const groupGenerationId = this.#generation;
    const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: offsets
        .filter((place) => place.topic === topic)
        .map(({ partition, offset }) => ({ partition, offset: String(offset), metadata: null })),
    }));
    try {
      await retrying(
        {
          budgetMs: 10_000,
          retriable: (error) => isRetriable(error) && !rejoinTypes.has(errorType(error)),
          onRetry: (error) => this.#forgetCoordinator(error),
        },
        async () => {
          const coordinator = await this.#findCoordinator();
          await coordinator.offsetCommit({ groupId, memberId, groupGenerationId, topics });
        },
      );
    } catch (error) {
      throw rejoinTypes.has(errorType(error)) ? membershipLost(groupId, error) : error;
    }
  }

  get #hasPatterns(): boolean {
    return this.#options.topics.some((topic) => topic instanceof RegExp);
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let waitMs = 20;
    while (!this.#stopped) {
      try {
        this.#rejoin = new AbortController();
        this.#joining = true;
        const { partitions, members } = await this.#join().finally(() => {
          this.#joining = false;
        });
        if (this.#stopped) {
          // Only now it is known as whom.
          await this.#leave();
          return;
        }
        waitMs = 20;
        this.#tenure = { owned: partitions, generation: this.#generation };
        this.#options.onConnection(true);
        this.#options.onAssigned(partitions, members);
        await this.#beat();
      } catch (error) {
        if (this.#stopped) return;
        const type = errorType(error);
        if (type === 'UNKNOWN_MEMBER_ID') this.#memberId = '';
        const { groupId, logger } = this.#options;
        const fields = { groupId, type, error: rootCause(error).message };
        if (rejoinTypes.has(type)) {
          logger.debug(fields, 'the group changes: joining again');
          continue;
        }
        if (!isRetriable(error)) {
          this.#options.onCrash(ownError(error) ?? (error as Error));
          return;
        }
        logger.debug(fields, 'joining the group failed and is tried again');
        await this.#recover(error, waitMs);
        waitMs = Math.min(waitMs * 1.5, 1_000);
      }
    }
  }

  /** Returns the partitions that this member now has, and the group. */
  async #join(): Promise<ReturnType<typeof decodeAssignment>> {
    const { groupId, sessionTimeoutMs } = this.#options;
    const topics = await this.#topics();
    const coordinator = await this.#findCoordinator();
    const joined = await coordinator.joinGroup({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      memberId: this.#memberId,
      groupProtocols: [encodeClaim(topics, this.#options.claim(), this.#tenure)],
    });
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    let groupAssignment: { memberId: string; memberAssignment: Buffer }[] = [];
    if (joined.memberId === joined.leaderId) {
      groupAssignment = await assignAll(joined.members, (wanted) => this.#count(wanted));
    }
    const { memberAssignment } = await coordinator.syncGroup({
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupAssignment,
    });
    return decodeAssignment(joined.memberId, memberAssignment);
  }

  /** As of now; others may have met topics that we have not. */
  async #count(topics: readonly string[]): Promise<number[]> {
    await this.#cluster.addMultipleTargetTopics(topics);
    await this.#cluster.refreshMetadata();
    return topics.map((topic) => this.#cluster.findTopicPartitionMetadata(topic).length);
  }

  async #topics(): Promise<string[]> {
    const named = this.#options.topics.filter((topic) => typeof topic === 'string');
    const patterns = this.#options.topics.filter((topic) => topic instanceof RegExp);
    const topics = new Set(named);
    if (patterns.length > 0) {
      const { topicMetadata } = await this.#cluster.metadata({ topics: [] });
      for (const { topic } of topicMetadata) {
        if (patterns.some((pattern) => pattern.test(topic))) topics.add(topic);
      }
      if (topics.size === 0) throw topicMissing(patterns.join(', '));
    }
    const wanted = [...topics].sort();
    this.#topicsKey = wanted.join();
    await this.#cluster.addMultipleTargetTopics(wanted);
    return wanted;
  }

  /** Beats until the group changes, which is thrown. */
  async #beat(): Promise<void> {
    const { groupId, heartbeatIntervalMs } = this.#options;
    const topics = this.#topicsKey;
    let lookAtMs = performance.now() + patternIntervalMs;
    while (!this.#stopped) {
      const { signal } = this.#rejoin;
      await sleep(heartbeatIntervalMs, undefined, { signal }).catch(() => undefined);
      if (this.#stopped || signal.aborted) return;
      try {
        const coordinator = await this.#findCoordinator();
        await coordinator.heartbeat({
          groupId,
          memberId: this.#memberId,
          groupGenerationId: this.#generation,
        });
        this.#options.onConnection(true);
        if (!this.#hasPatterns || performance.now() < lookAtMs) continue;
        lookAtMs = performance.now() + patternIntervalMs;
        await this.#topics();
        // Without leaving: who has what stays as far as it can.
        if (this.#topicsKey !== topics) return;
      } catch (error) {
        if (rejoinTypes.has(errorType(error)) || !isRetriable(error)) throw error;
        // The membership may well outlive this: nothing is given up before the group says so.
        await this.#recover(error, Math.min(200, heartbeatIntervalMs));
      }
    }
  }

  async #recover(error: unknown, waitMs: number): Promise<void> {
    this.#forgetCoordinator(error);
    if (isConnectionFault(error)) this.#options.onConnection(false);
    await sleep(jittered(waitMs), undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.#stopped || !isConnectionFault(error)) return;
    await reconnect(this.#cluster).catch(() => undefined);
  }

  #forgetCoordinator(error: unknown): void {
    if (isCoordinatorFault(error)) this.#coordinator = null;
  }

  async #findCoordinator(): Promise<Broker> {
    this.#coordinator ??= await this.#cluster.findGroupCoordinator({
      groupId: this.#options.groupId,
      coordinatorType: coordinatorTypes.group,
    });
    return this.#coordinator;
  }

  /** Tells the group, which would wait for this member until its session ends otherwise. */
  async #leave(): Promise<void> {
    const memberId = this.#memberId;
    this.#memberId = '';
    if (memberId === '') return;
    const left = this.#joining ? this.#leaveBeside(memberId) : this.#leaveAs(memberId);
    await Promise.race([left.catch(() => undefined), sleep(leaveWithinMs)]);
  }

  async #leaveAs(memberId: string): Promise<void> {
    await this.#coordinator?.leaveGroup({ groupId: this.#options.groupId, memberId });
  }

  /** Over another connection: on this one it would be read after the join was answered. */
  async #leaveBeside(memberId: string): Promise<void> {
    const { groupId, connections } = this.#options;
    const cluster = connections();
    try {
      await cluster.connect();
      const coordinator = await cluster.findGroupCoordinator({
        groupId,
        coordinatorType: coordinatorTypes.group,
      });
      await coordinator.leaveGroup({ groupId, memberId });
    } finally {
      await disconnect(cluster);
    }
  }
}
