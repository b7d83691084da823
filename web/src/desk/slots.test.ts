import { expect, it } from 'vitest';
import { arrange } from './slots';

const free = { pointed: null, moving: false, chosen: null };

it('puts the most urgent first', () => {
  expect(arrange(['c', 'a', 'b'], ['a', 'b'], free, 3)).toEqual(['c', 'a', 'b']);
});

it('leaves what the pointer is on where it is, and orders the rest', () => {
  expect(arrange(['c', 'a', 'b'], ['a', 'b'], { ...free, pointed: 'a' }, 3)).toEqual(['a', 'c', 'b']);
  expect(arrange(['d', 'c', 'b', 'a'], ['a', 'b', 'c'], { ...free, pointed: 'a' }, 3)).toEqual(['a', 'd', 'c']);
});

it('moves nothing while the pointer moves; a new one takes a free place', () => {
  expect(arrange(['c', 'a', 'b'], ['a', 'b'], { ...free, moving: true }, 3)).toEqual(['a', 'b', 'c']);
  expect(arrange(['d', 'a', 'b', 'c'], ['a', 'b', 'c'], { ...free, moving: true }, 3)).toEqual(['a', 'b', 'c']);
});

it('always shows the chosen one', () => {
  expect(arrange(['a', 'b', 'c', 'd'], ['a', 'b', 'c'], { ...free, chosen: 'd' }, 3)).toEqual(['a', 'b', 'd']);
  expect(arrange(['a', 'b', 'c', 'd', 'e'], ['e', 'a', 'd'], { pointed: 'e', moving: false, chosen: 'd' }, 3)).toEqual(['e', 'a', 'd']);
});

it('drops what is closed', () => {
  expect(arrange(['b'], ['a', 'b'], { pointed: 'a', moving: true, chosen: 'a' }, 3)).toEqual(['b']);
});
