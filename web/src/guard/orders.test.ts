import { expect, test } from 'vitest';
import type { OrderDoc } from '../documents';
import { isGas, isOrder, merged, placeLines, toneOf } from './orders';

const order = (id: string, seq: number, more: Partial<OrderDoc> = {}): OrderDoc =>
  ({ v: 1, id, seq, state: 'received', open: true, heard: [], replies: [], alarm_at: 0, ...more }) as OrderDoc;
const accept = { verb: 'accept', line: { key: 'reply.accept' }, choice: null } as const;

test('the newer document of an order counts, whichever way it came', () => {
  const both = merged([order('a', 5), order('b', 9)], [order('a', 7), order('b', 8)], true, 9);
  expect(both.map(({ id, seq }) => [id, seq])).toEqual([['a', 7], ['b', 9]]);
});

test('an order that the daemon no longer has is gone, unless the message is newer than the documents', () => {
  expect(merged([], [order('a', 5)], true, 5)).toEqual([]);
  expect(merged([], [order('a', 6)], true, 5)).toHaveLength(1);
  expect(merged([], [order('a', 5)], false, 5)).toHaveLength(1);
});

test('unanswered orders stand first, ended ones last', () => {
  const list = [order('done', 1, { open: false }), order('going', 2), order('new', 3, { replies: [accept] })];
  expect(merged(list, [], true, 3).map(({ id }) => id)).toEqual(['new', 'going', 'done']);
});

test('a leak is known by the kind of its incident and never rings as a fire', () => {
  const leak = order('leak', 1, { incident_kind: 'gas', replies: [accept] });
  const fire = order('fire', 2, { incident_kind: 'fire', replies: [accept], title: { zh: '燃气阀旁火警', en: 'Fire beside the gas valve' } });
  expect([isGas(leak), isGas(fire)]).toEqual([true, false]);
  expect([toneOf([]), toneOf([leak]), toneOf([leak, fire]), toneOf([{ ...fire, replies: [] }])]).toEqual([null, 'gas', 'fire', null]);
});

test('the room stands in the place once', () => {
  expect(placeLines('1号宿舍 2层 203室', '203室')).toEqual(['1号宿舍 2层', '203室']);
  expect(placeLines('Canteen 1 1F', 'Kitchen')).toEqual(['Canteen 1 1F', 'Kitchen']);
});

test('what is no order is not taken for one', () => {
  expect(isOrder(order('a', 1))).toBe(true);
  for (const wrong of [null, 5, {}, { ...order('a', 1), v: 2 }, { ...order('a', 1), state: 'lost' }]) expect(isOrder(wrong)).toBe(false);
});
