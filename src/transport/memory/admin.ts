import { groupNotEmpty } from '../errors.js';
import type { LogAdmin, TopicInfo, TopicSpec, Watermarks } from '../transport.js';
import type { MemoryLog } from './log.js';
import type { MemoryProcess } from './process.js';

export class MemoryAdmin implements LogAdmin {
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;

  constructor(log: MemoryLog, process: MemoryProcess) {
    this.#log = log;
    this.#process = process;
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<string[]> {
    await this.#process.gate('admin');
    return topics.filter((spec) => this.#log.createTopic(spec)).map((spec) => spec.topic);
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.#process.gate('admin');
    for (const topic of topics) this.#log.deleteTopic(topic);
  }

  async listTopics(names?: readonly string[]): Promise<TopicInfo[]> {
    await this.#process.gate('admin');
    const all = [...this.#log.topics()];
    const wanted = names === undefined ? all : all.filter(({ topic }) => names.includes(topic));
    return wanted.sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  async watermarks(topic: string): Promise<Watermarks[]> {
    await this.#process.gate('admin', { topic });
    return this.#log
      .partitions(topic)
      .map(({ low, high }) => ({ low: BigInt(low), high: BigInt(high) }));
  }

  async lastStable(topic: string): Promise<bigint[]> {
    await this.#process.gate('admin', { topic });
    return this.#log.partitions(topic).map(({ lastStable }) => BigInt(lastStable));
  }

  async committed(groupId: string, topic: string): Promise<(bigint | null)[]> {
    await this.#process.gate('admin', { groupId, topic });
    const group = this.#log.group(groupId);
    return this.#log.partitions(topic).map((_, partition) => group.committed(topic, partition));
  }

  async resetOffsets(
    groupId: string,
    topic: string,
    offsets: ReadonlyMap<number, bigint>,
  ): Promise<void> {
    await this.#process.gate('admin', { groupId, topic });
    const group = this.#log.group(groupId);
    if (group.size > 0) throw groupNotEmpty(groupId);
    for (const [partition, offset] of offsets) {
      group.commit(topic, this.#log.partition(topic, partition).partition, offset);
    }
  }

  async deleteRecords(topic: string, below: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#process.gate('admin', { topic });
    for (const [partition, offset] of below) {
      this.#log.partition(topic, partition).deleteBelow(Number(offset));
    }
  }

  async close(): Promise<void> {}
}
