import { describe, expect, it } from 'vitest';
import { Model } from '../../src/online/model.js';
import { Random } from '../../src/online/random.js';
import { SnapshotAssembler } from '../../src/online/snapshot/assemble.js';
import { ModelCopy, prepareCopy } from '../../src/online/snapshot/copy.js';
import { encodeSnapshot } from '../../src/online/snapshot/encode.js';
import { SnapshotFormatError } from '../../src/online/snapshot/format.js';
import type { Delta } from '../../src/online/types.js';
import { OPTIONS, portrait, randomDeltas } from './model-fixtures.js';

function last<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function chunksOf(model: Model, without: readonly Delta[] = [], limitBytes = 700_000): Buffer[] {
  const copy = new ModelCopy(model, without, last(prepareCopy(model)));
  last(copy.settle());
  return [...encodeSnapshot(copy, limitBytes)].filter((chunk) => chunk !== null);
}

function load(chunks: readonly Uint8Array[], options = OPTIONS): Model {
  const model = new Model(options);
  const assembler = new SnapshotAssembler(model);
  for (const chunk of chunks) assembler.add(chunk);
  assembler.finish();
  return model;
}

function learned(deltas: readonly Delta[]): Model {
  const model = new Model(OPTIONS);
  for (const delta of deltas) model.apply(delta);
  return model;
}

describe('a snapshot', () => {
  for (const seed of [1, 2, 3]) {
    it(`gives the model back, the order of its rows included (seed ${seed})`, () => {
      const model = learned(randomDeltas(seed, 30));
      for (const limit of [700_000, 600, 150]) {
        const restored = load(chunksOf(model, [], limit));
        expect(restored.digest()).toBe(model.digest());
        expect(portrait(restored)).toEqual(portrait(model));
      }
    });

    it(`goes on as the model that was never stopped (seed ${seed})`, () => {
      const deltas = randomDeltas(seed, 40);
      const model = learned(deltas.slice(0, 20));
      const restored = load(chunksOf(model));
      for (const delta of deltas.slice(20)) {
        model.apply(delta);
        restored.apply(delta);
      }
      expect(portrait(restored)).toEqual(portrait(model));
    });

    it(`holds nothing of the deltas that it leaves out (seed ${seed})`, () => {
      const deltas = randomDeltas(seed, 20);
      const model = learned(deltas);
      const before = portrait(model);
      const restored = load(chunksOf(model, deltas.slice(12)));
      expect(restored.digest()).toBe(learned(deltas.slice(0, 12)).digest());
      expect(restored.trainedEvents).toBe(learned(deltas.slice(0, 12)).trainedEvents);
      expect(portrait(model)).toEqual(before);
    });
  }

  it('is the same whatever was only looked at', () => {
    const deltas = randomDeltas(4, 20);
    const model = learned(deltas);
    const looked = new Model(OPTIONS);
    looked.intern('books', 'never touched');
    for (const delta of deltas) looked.apply(delta);
    looked.intern('books', 'looked at');
    looked.block('A/books/films');
    const bytes = (chunks: Buffer[]) => Buffer.concat(chunks).toString('hex');
    expect(bytes(chunksOf(load(chunksOf(looked))))).toBe(bytes(chunksOf(looked)));
    expect(load(chunksOf(looked)).digest()).toBe(model.digest());
  });

  it('is in chunks below the limit', () => {
    const chunks = chunksOf(learned(randomDeltas(5, 40)), [], 400);
    expect(chunks.length).toBeGreaterThan(5);
    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(400);
  });

  it('of an empty model is an empty model', () => {
    expect(load(chunksOf(new Model(OPTIONS))).digest()).toBe(new Model(OPTIONS).digest());
  });

  it('is refused where a chunk is missing, cut off, double, newer or of another model', () => {
    const chunks = chunksOf(learned(randomDeltas(6, 30)), [], 400);
    for (let i = 0; i < chunks.length; i++) {
      const others = chunks.filter((_, k) => k !== i);
      // Whole blocks and neighbours may be missing without a trace: that is what the hash of the whole is for.
      if (chunks[i]!.readUInt8(1) < 4) expect(() => load(others)).toThrow(SnapshotFormatError);
      const cut = chunks.with(i, chunks[i]!.subarray(0, chunks[i]!.length - 3));
      expect(() => load(cut)).toThrow(SnapshotFormatError);
    }
    expect(() => load([chunks[0]!, ...chunks])).toThrow('two heads');
    const newer = Buffer.from(chunks[0]!);
    newer.writeUInt8(200, 0);
    expect(() => load([newer])).toThrow('it comes from a newer isthmus');
    expect(() => load(chunks, { ...OPTIONS, dimension: 8 })).toThrow('of dimension 4');
    expect(() => load(chunks, { ...OPTIONS, seed: 8 })).toThrow('seed 7');
  });

  it('is refused, and nothing else happens, whatever byte is damaged (seed 9)', () => {
    const chunks = chunksOf(learned(randomDeltas(7, 6)), [], 1000);
    const random = Random.of('damage', 9);
    for (let n = 0; n < 300; n++) {
      const i = random.below(chunks.length);
      const damaged = Buffer.from(chunks[i]!);
      damaged.writeUInt8(random.below(256), random.below(Math.min(damaged.length, 60)));
      try {
        load(chunks.with(i, damaged));
      } catch (error) {
        if (!(error instanceof SnapshotFormatError) && !(error instanceof RangeError)) throw error;
      }
    }
  });

  it('leaves an empty model behind when the loader clears it', () => {
    const model = load(chunksOf(learned(randomDeltas(8, 20))));
    model.clear();
    expect(model.digest()).toBe(new Model(OPTIONS).digest());
    const chunks = chunksOf(learned(randomDeltas(9, 20)));
    const assembler = new SnapshotAssembler(model);
    for (const chunk of chunks) assembler.add(chunk);
    assembler.finish();
    expect(portrait(model)).toEqual(portrait(load(chunks)));
  });
});
