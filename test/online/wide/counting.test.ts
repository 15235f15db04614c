import { expect, it } from 'vitest';
import { MiniBatch } from '../../../src/online/minibatch.js';
import { Model } from '../../../src/online/model.js';
import { User } from '../../../src/online/user.js';
import { PairCounting } from '../../../src/online/wide/counting.js';

/** Counts an event of somebody who has liked so many books and films. Returns the items that it was paired with. */
function paired({ books, films }: { books: number; films: number }, pairedItems: number) {
  const model = new Model({ seed: 1, dimension: 4, initialScale: 0.01 });
  const user = new User('u');
  for (let i = 0; i < Math.max(books, films); i++) {
    if (i < books) user.push(model.intern('books', `b${i}`), model.domainIndex('books'), 1, i);
    if (i < films) user.push(model.intern('films', `f${i}`), model.domainIndex('films'), 1, i);
  }
  const batch = new MiniBatch(model);
  batch.add(user, model.intern('books', 'new'), 1, 1000);
  const counting = new PairCounting(model, { neighbours: 16, pairedItems });
  const rows: number[] = [];
  counting.count(batch, { partition: 0, partitions: 1 }, (row) => {
    if (!rows.includes(row)) rows.push(row);
    return rows.indexOf(row);
  });
  const { to } = counting.both.columns(rows.length);
  return Array.from(to, (place) => model.itemId(rows[place]!)).sort();
}

it('pairs an event with all that its user has liked while that is little', () => {
  expect(paired({ books: 9, films: 3 }, 2)).toHaveLength(12);
  expect(paired({ books: 1, films: 11 }, 2)).toHaveLength(12);
});

it('pairs it with the newest of each history afterwards', () => {
  expect(paired({ books: 9, films: 4 }, 2)).toEqual(['b7', 'b8', 'f2', 'f3']);
});
