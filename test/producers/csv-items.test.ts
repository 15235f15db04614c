import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readItems } from '../../src/producers/replay/items.js';
import { Serde } from '../../src/serde/serde.js';
import type { Item } from '../../src/serde/types.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-items-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(...lines: string[]): Promise<{ items: Item[]; broken: string[] }> {
  const file = join(folder, 'items.csv');
  await writeFile(file, lines.join('\n'));
  const broken: string[] = [];
  const items: Item[] = [];
  for await (const some of readItems(file, { onBroken: (_, why) => broken.push(why) })) {
    items.push(...some);
  }
  return { items, broken };
}

describe('a file of items', () => {
  it('says of an item what the record of it says, to the last bit of its vectors', async () => {
    const { items } = await read(
      'item_id,domain,title,categories,vector:image',
      'i1,films,The Third Man,Noir|War,0.1 -2.7 3e-9',
    );
    const codec = new Serde().items;
    expect(items).toHaveLength(1);
    expect(codec.decode(codec.encode(items[0]!))).toEqual(items[0]);
    expect(items[0]!.categories).toEqual(['Noir', 'War']);
  });

  it('counts rows as broken whose vectors are no numbers, or none that a record can hold', async () => {
    const { items, broken } = await read(
      'item_id,domain,vector:image',
      'i1,films,0.1 x',
      'i2,films,1e39',
      'i3,films,1e38',
    );
    expect(items.map(({ itemId }) => itemId)).toEqual(['i3']);
    expect(broken).toEqual(Array(2).fill('vector:image has what is no number'));
  });
});
