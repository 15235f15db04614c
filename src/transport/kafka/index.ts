export type { KafkaTransportOptions } from './client.js';
export { type Compression, codecOf } from './compression.js';
export { silentLogger, type TransportLogger } from './logging.js';
export { KafkaTransport } from './transport.js';
