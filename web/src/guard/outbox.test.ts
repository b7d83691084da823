import { expect, test } from 'vitest';
import type { OrderDoc } from '../documents';
import { AGAIN_MS, type Answer, Courier, Outbox, type Unsent } from './outbox';

function storage() {
  const values = new Map<string, string>();
  return { getItem: (key: string) => values.get(key) ?? null, setItem: (key: string, value: string) => void values.set(key, value) };
}
const unsent = (id: string, order = 'F-1'): Unsent => ({
  recipient: 'post2', order, reply: { v: 1, reply_id: id, verb: 'accept', at: 0 },
});
const listing = (...heard: string[]) => ({ id: 'F-1', heard }) as unknown as OrderDoc;

function ways(link: boolean, answer: Answer = 'recorded') {
  const sent: string[] = [];
  return {
    sent,
    publish: (one: Unsent) => link && !!sent.push(`mqtt ${one.reply.reply_id}`),
    post: (one: Unsent) => {
      sent.push(`http ${one.reply.reply_id}`);
      return Promise.resolve(answer);
    },
  };
}

test('an unsent reply survives a reload and leaves when its order lists it', () => {
  const kept = storage();
  new Outbox(kept).add(unsent('a'));
  const again = new Outbox(kept);
  again.heard(listing('other'));
  expect(again.list).toHaveLength(1);
  again.heard(listing('other', 'a'));
  expect(new Outbox(kept).list).toHaveLength(0);
});

test('a storage with rubbish in it is an empty outbox', () => {
  const kept = storage();
  kept.setItem('fengsui.unsent', '[{"order":1}, 5');
  expect(new Outbox(kept).list).toHaveLength(0);
});

test('a live link carries the reply alone until it has been silent for five seconds', async () => {
  const outbox = new Outbox(storage());
  const way = ways(true);
  const courier = new Courier(outbox, way);
  outbox.add(unsent('a'));
  courier.look(0);
  courier.look(AGAIN_MS - 1);
  expect(way.sent).toEqual(['mqtt a']);
  courier.look(AGAIN_MS);
  expect(way.sent).toEqual(['mqtt a', 'mqtt a', 'http a']);
  await Promise.resolve();
  courier.look(2 * AGAIN_MS);
  expect(way.sent).toHaveLength(5);
});

test('without a link the reply goes over HTTP at once', () => {
  const outbox = new Outbox(storage());
  const way = ways(false);
  outbox.add(unsent('a'));
  new Courier(outbox, way).look(0);
  expect(way.sent).toEqual(['http a']);
});

test('a refused reply is not sent again', async () => {
  const outbox = new Outbox(storage());
  const way = ways(false, 'refused');
  outbox.add(unsent('a'));
  new Courier(outbox, way).look(0);
  await new Promise((resume) => setImmediate(resume));
  expect(outbox.list).toHaveLength(0);
});

test('a full outbox gives up a receipt before an answer', () => {
  const outbox = new Outbox(storage());
  outbox.add({ ...unsent('receipt'), reply: { v: 1, reply_id: 'receipt', verb: 'received', at: 0 } });
  for (let n = 0; n < 50; n += 1) outbox.add(unsent(`r${n}`));
  expect(outbox.list).toHaveLength(50);
  expect(outbox.list.some((one) => one.reply.reply_id === 'receipt')).toBe(false);
});
