export type { KafkaTransportOptions } from './client.js';
export { type Compression, codecOf } from './compression.js';
export { silentLogger, type TransportLogger } from './logging.js';
export type { Sasl } from './sasl.js';
export { tlsFromFiles } from './tls.js';
export { tokensOfEndpoint, tokensOfFile } from './tokens.js';
export { KafkaTransport } from './transport.js';
