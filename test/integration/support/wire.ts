import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** Keys of requests (https://kafka.apache.org/protocol#protocol_api_keys). */
export const PRODUCE = 0;
export const FIND_COORDINATOR = 10;
export const CREATE_TOPICS = 19;
export const ADD_PARTITIONS = 24;
export const TXN_OFFSET_COMMIT = 28;

/** Offset of the first partition's error code in a produce answer (v7), behind the correlation id. */
function produceErrorAt(answer: Buffer): number {
  const topicBytes = answer.readInt16BE(8);
  return 4 + 4 + 2 + topicBytes + 4 + 4;
}

/** That of the first topic in an answer to CreateTopics (v2, v3), which begins with the throttle time. */
function createTopicsErrorAt(answer: Buffer): number {
  const topicBytes = answer.readInt16BE(12);
  return 4 + 4 + 4 + 2 + topicBytes;
}

/** The same in an answer to AddPartitionsToTxn or TxnOffsetCommit (v0, v1), which begins with the throttle time. */
function transactionErrorAt(answer: Buffer): number {
  const topicBytes = answer.readInt16BE(12);
  return 4 + 4 + 4 + 2 + topicBytes + 4 + 4;
}

const errorAt: ReadonlyMap<number, (answer: Buffer) => number> = new Map([
  [PRODUCE, produceErrorAt],
  [CREATE_TOPICS, createTopicsErrorAt],
  [ADD_PARTITIONS, transactionErrorAt],
  [TXN_OFFSET_COMMIT, transactionErrorAt],
]);

/**
 * A wire between one client and the broker, on which answers can be changed (what a broker says whose
 * disk is full, or that has forgotten a producer) or held back.
 */
export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #planted: { apiKey: number; code: number; left: number }[] = [];
  /** Keys of the requests that went by, in their order. */
  readonly requests: number[] = [];
  /** Answers that were changed. */
  changed = 0;
  /** By how many milliseconds answers are late. */
  delayMs = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(brokerPort: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (client) => wire.#join(client, brokerPort));
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return wire;
  }

  /** Whatever address the broker tells, the client comes here. */
  readonly factory: ISocketFactory = ({ onConnect }) => {
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return connect({ host: '127.0.0.1', port }, onConnect).setNoDelay(true);
  };

  /** The next `times` answers to requests of this kind have the error code for their first partition, or topic. */
  plant(apiKey: number, code: number, times: number): void {
    this.#planted.push({ apiKey, code, left: times });
  }

  clear(): void {
    this.#planted = [];
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, brokerPort: number): void {
    const broker = connect({ host: '127.0.0.1', port: brokerPort });
    const asked = new Map<number, number>();
    for (const [from, to, look] of [
      [
        client,
        broker,
        (frame: Buffer) => {
          asked.set(frame.readInt32BE(4), frame.readInt16BE(0));
          this.requests.push(frame.readInt16BE(0));
        },
      ],
      [broker, client, (frame: Buffer) => this.#answered(frame, asked)],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      let rest = Buffer.alloc(0);
      from.on('data', (data: Buffer) => {
        rest = Buffer.concat([rest, data]);
        while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
          const end = 4 + rest.readInt32BE(0);
          const frame = Buffer.from(rest.subarray(0, end));
          rest = rest.subarray(end);
          look(frame.subarray(4));
          // Timers of the same length go off in their order.
          if (from === broker && this.delayMs > 0) setTimeout(() => to.write(frame), this.delayMs);
          else to.write(frame);
        }
      });
    }
  }

  #answered(answer: Buffer, asked: Map<number, number>): void {
    const correlation = answer.readInt32BE(0);
    const apiKey = asked.get(correlation);
    asked.delete(correlation);
    const planted = this.#planted.find((one) => one.apiKey === apiKey && one.left > 0);
    if (planted === undefined) return;
    planted.left -= 1;
    answer.writeInt16BE(planted.code, errorAt.get(planted.apiKey)!(answer));
    this.changed += 1;
  }
}
