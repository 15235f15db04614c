export type { KafkaTransportOptions } from './client.js';
export { silentLogger, type TransportLogger } from './logging.js';
export { KafkaTransport } from './transport.js';
