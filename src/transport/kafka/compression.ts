import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { codecMissing } from '../errors.js';

/** In the order of Kafka's numbers for them, 0 to 4: the low three bits of a batch's attributes. */
export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type Compression = (typeof compressions)[number];

/** Packs the records of a batch: all of it but its header of 61 bytes. */
export interface Codec {
  compress(bytes: Buffer): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** Returns the module of that name. */
type Load = (name: string) => Promise<unknown>;

interface SnappyModule {
  readonly default: () => {
    compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
    decompress(bytes: Buffer): Promise<Buffer>;
  };
}

interface Lz4Module {
  compressFrame(bytes: Buffer): Promise<Buffer>;
  decompressFrame(bytes: Buffer): Promise<Buffer>;
}

interface ZstdModule {
  compress(bytes: Buffer, level?: number): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);
const zstdLevel = 3;

const makers: Record<Exclude<Compression, 'none'>, (load: Load) => Promise<Codec>> = {
  gzip: async () => ({
    compress: (bytes) => gzipAsync(bytes, { level: 1 }),
    decompress: (bytes) => gunzipAsync(bytes),
  }),
  snappy: async (load) => {
    const { default: make } = await optional<SnappyModule>(load, 'kafkajs-snappy', 'snappy');
    const codec = make();
    return {
      compress: (bytes) => codec.compress({ buffer: bytes }),
      decompress: (bytes) => codec.decompress(bytes),
    };
  },
  lz4: async (load) => {
    const lz4 = await optional<Lz4Module>(load, 'lz4-napi', 'lz4');
    return {
      compress: (bytes) => lz4.compressFrame(bytes),
      decompress: (bytes) => lz4.decompressFrame(bytes),
    };
  },
  zstd: async (load) => {
    const zstd = await optional<ZstdModule>(load, '@mongodb-js/zstd', 'zstd');
    return {
      compress: (bytes) => zstd.compress(bytes, zstdLevel),
      decompress: (bytes) => zstd.decompress(bytes),
    };
  },
};

async function optional<T>(load: Load, name: string, codec: Compression): Promise<T> {
  try {
    return (await load(name)) as T;
  } catch (cause) {
    throw codecMissing(codec, name, cause);
  }
}

/** As `codecOf`, by way of the given `load`, and anew each time. */
export async function loadCodec(compression: Compression, load: Load): Promise<Codec | null> {
  return compression === 'none' ? null : makers[compression](load);
}

const loaded = new Map<Compression, Promise<Codec | null>>();

/**
 * Returns the codec, null for none. Its package is loaded when it is first asked for.
 *
 * Errors: CODEC_MISSING (usage) where the optional package is not installed, or not for this machine.
 */
export function codecOf(compression: Compression): Promise<Codec | null> {
  const found = loaded.get(compression) ?? loadCodec(compression, (name) => import(name));
  loaded.set(compression, found);
  return found;
}
