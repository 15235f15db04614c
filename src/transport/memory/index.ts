export { MemoryLog, type MemoryLogOptions } from './log.js';
export type { Fault, FaultContext, FaultPoint, MemoryProcess } from './process.js';
export { MemoryTransport, type MemoryTransportOptions } from './transport.js';
