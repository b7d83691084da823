import { expect, it } from 'vitest';
import type { PointDoc, SiteDoc } from '../documents';
import { scene } from '../testing/fixture';
import { placesOf, search } from './places';

const { documents } = scene('idle');
const points = Object.entries(documents).filter(([key]) => key.startsWith('point/')).map(([, point]) => point as PointDoc);
const places = placesOf(documents['site'] as SiteDoc, points);

it('knows every compartment and the rooms in it', () => {
  expect(places.filter((place) => place.room === null).map((place) => place.compartment)).toEqual(['D1-2A', 'D1-2B', 'C1-1D', 'C1-1K']);
  expect(places.find((place) => place.room === '215室')).toMatchObject({ compartment: 'D1-2B', building: 'D1', floor: 'D1-2F' });
});

it('finds a place by what a caller says, in either language', () => {
  expect(search(places, '宿舍 215', 5).map((place) => place.room)).toEqual(['215室']);
  expect(search(places, 'canteen kitchen', 5)[0]?.compartment).toBe('C1-1K');
  expect(search(places, '西区', 5)[0]).toMatchObject({ compartment: 'D1-2A', room: null });
});

it('finds nothing for nothing', () => {
  expect(search(places, '  ', 5)).toEqual([]);
  expect(search(places, '九号楼', 5)).toEqual([]);
});
