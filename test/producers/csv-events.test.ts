import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BehaviorEvent } from '../../src/online/types.js';
import { type EventFileOptions, readEvents } from '../../src/producers/replay/events.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-csv-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(content: string | Buffer, name = `${files++}.csv`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(path: string, options: EventFileOptions = {}) {
  const events: BehaviorEvent[] = [];
  const broken: [number, string][] = [];
  const onBroken = (line: number, why: string) => broken.push([line, why]);
  for await (const batch of readEvents(path, { onBroken, ...options })) events.push(...batch);
  return { events, broken };
}

const HEADER = 'user_id,item_id,domain,value,time\n';
const EVENT = {
  userId: 'u',
  itemId: 'i',
  domain: 'd',
  action: 'interact',
  value: 1,
  occurredAtMs: 5,
};

describe('a row becomes an event', () => {
  const cases: [name: string, content: string, event: Partial<BehaviorEvent>][] = [
    ['with its time in milliseconds', `${HEADER}u,i,d,1,5\n`, EVENT],
    ['with its time as ISO 8601', `${HEADER}u,i,d,1,1970-01-01T00:00:00.005Z\n`, EVENT],
    ['without a value', `${HEADER}u,i,d,,5\n`, { ...EVENT, value: null }],
    ['without a line feed at the end', `${HEADER}u,i,d,1,5`, EVENT],
    ['with CRLF', `${HEADER.trim()}\r\nu,i,d,1,5\r\n`, EVENT],
    ['after a byte order mark', `\ufeff${HEADER}u,i,d,1,5\n`, EVENT],
    ['with quoted commas', `${HEADER}"u,1",i,d,1,5\n`, { ...EVENT, userId: 'u,1' }],
    [
      'by the order of the header',
      'time,domain,item_id,user_id\n5,d,i,u\n',
      { ...EVENT, value: null },
    ],
    [
      'with its sequence in seconds from 2000',
      'user_id,item_id,domain,value,sequence\nu,i,d,1,2\n',
      { ...EVENT, occurredAtMs: Date.UTC(2000, 0, 1, 0, 0, 2) },
    ],
    [
      'with its action and id',
      'user_id,item_id,domain,action,event_id,time\nu,i,d,like,e,5\n',
      { ...EVENT, value: null, action: 'like', eventId: 'e' },
    ],
  ];
  for (const [name, content, event] of cases) {
    it(name, async () => {
      const { events, broken } = await read(file(content));
      expect(events).toEqual([expect.objectContaining(event)]);
      expect(broken).toEqual([]);
    });
  }

  it('with file and line as id where it has none, also out of a compressed file', async () => {
    const path = file(gzipSync(`${HEADER}u,i,d,1,5\nu,i,d,1,6\n`), 'some.csv.gz');
    const { events } = await read(path, { action: 'like' });
    expect(events.map((event) => event.eventId)).toEqual(['some.csv.gz:2', 'some.csv.gz:3']);
    expect(events.map((event) => event.action)).toEqual(['like', 'like']);
  });

  it('in order, however many there are', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => `u${i % 7},i,d,1,${i}`);
    const { events } = await read(file(HEADER + rows.join('\n')));
    expect(events.map((event) => event.occurredAtMs)).toEqual(rows.map((_, i) => i));
  });
});

describe('a broken row', () => {
  const cases: [row: string, why: RegExp][] = [
    ['u,i,d,1', /4 columns, the header has 5/],
    ['u,i,d,1,5,6', /6 columns/],
    [',i,d,1,5', /user_id is empty/],
    ['u,,d,1,5', /item_id is empty/],
    ['u,i,,1,5', /domain is empty/],
    ['u,i,d,much,5', /value "much" is no number/],
    ['u,i,d,Infinity,5', /value "Infinity"/],
    ['u,i,d,1,', /time "" is neither/],
    ['u,i,d,1,yesterday', /time "yesterday" is neither/],
    ['u,"i"x,d,1,5', /quote/i],
    ['u,"i,d,1,5', /quote/i],
    ['u,i",d,1,5', /quote/i],
  ];
  for (const [row, why] of cases) {
    it(`"${row}" is left out with its line and reason, the others go on`, async () => {
      const { events, broken } = await read(file(`${HEADER}u,i,d,1,1\n${row}\nu,i,d,1,3\n`));
      expect(broken).toEqual([[3, expect.stringMatching(why)]]);
      expect(events.map((event) => event.occurredAtMs)).toEqual([1, 3]);
    });

    it(`"${row}" stops a strict reader`, async () => {
      const path = file(`${HEADER}u,i,d,1,1\n${row}\nu,i,d,1,3\n`);
      await expect(read(path, { strict: true })).rejects.toMatchObject({
        code: 'CSV_INVALID',
        disposition: 'usage',
        message: expect.stringMatching(/, line 3: /),
      });
    });
  }
});

describe('a file that is no file of events', () => {
  const cases: [name: string, content: string | Buffer, why: RegExp][] = [
    ['empty', '', /is empty/],
    ['without a column', 'user_id,domain,time\n', /no item_id/],
    ['without times', 'user_id,item_id,domain\n', /neither time nor sequence/],
  ];
  for (const [name, content, why] of cases) {
    it(`(${name}) says so`, async () => {
      await expect(read(file(content))).rejects.toThrow(why);
    });
  }

  it('(not there) says so', async () => {
    await expect(read(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'CSV_INVALID' });
    await expect(read(join(folder, 'none.csv.gz'))).rejects.toMatchObject({ code: 'CSV_INVALID' });
  });

  it('(no gzip, or cut off) says so', async () => {
    const cut = gzipSync(`${HEADER}u,i,d,1,5\n`).subarray(0, 30);
    await expect(read(file('text', 'bad.csv.gz'))).rejects.toMatchObject({ code: 'CSV_INVALID' });
    await expect(read(file(cut, 'cut.csv.gz'))).rejects.toMatchObject({ code: 'CSV_INVALID' });
  });
});
