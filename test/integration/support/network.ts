import { connect, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** The network of one client, which a test can cut and mend. */
export class Network {
  readonly #sockets = new Set<Socket>();
  #cut = false;

  readonly factory: ISocketFactory = ({ host, port, onConnect }) => {
    const socket = connect({ host, port }, onConnect).setKeepAlive(true);
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#cut) setImmediate(() => socket.destroy(new Error('the network is cut')));
    return socket;
  };

  /** Breaks every connection and lets none come up until `mend`. */
  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy(new Error('the network is cut'));
  }

  mend(): void {
    this.#cut = false;
  }
}
