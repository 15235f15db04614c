import { inject } from 'vitest';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import type { Transport } from '../../src/transport/transport.js';
import { transportContract } from '../checks/transport-contract.js';
import { Network } from './support/network.js';

const networks = new Map<Transport, Network>();

transportContract('kafka', () => ({
  // A member that gets no CPU for so long is put out of its group.
  sessionTimeoutMs: 4_000,
  open: () => {
    const network = new Network();
    const transport = new KafkaTransport({
      brokers: inject('kafkaBrokers').split(','),
      clientId: 'contract',
      socketFactory: network.factory,
    });
    networks.set(transport, network);
    return transport;
  },
  // To the broker a process that was killed and one that is cut off look the same.
  crash: async (transport) => networks.get(transport)?.cut(),
}));
