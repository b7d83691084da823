import { expect, it } from 'vitest';
import { around, pan, parseBox, withAspect, zoom } from './plan';

const whole = { x: 0, y: 0, w: 1200, h: 560 };

it('shows the whole plan in any frame', () => {
  const box = withAspect(whole, 1);
  expect(box).toEqual({ x: 0, y: -320, w: 1200, h: 1200 });
});

it('goes to an alarm without leaving the plan', () => {
  const box = around(whole, { x: 1092, y: 172 }, 1.9, 0.62);
  expect(box.x + box.w).toBeCloseTo(1200);
  expect(box.x).toBeLessThan(1092);
  expect(box.y).toBeGreaterThanOrEqual(0);
});

it('zooms about a point, between the whole and a sixteenth', () => {
  const closer = zoom(whole, whole, 2, { x: 300, y: 280 });
  expect((300 - closer.x) / closer.w).toBeCloseTo(300 / 1200);
  expect(zoom(whole, whole, 1_000, { x: 0, y: 0 }).w).toBe(75);
  expect(zoom(whole, whole, 0.001, { x: 0, y: 0 }).w).toBeCloseTo(1_260);
});

it('never loses the plan when moved', () => {
  const box = pan(whole, whole, 99_999, -99_999);
  expect(box).toMatchObject({ x: 600, y: -280 });
});

it('reads a view box, and no nonsense', () => {
  expect(parseBox('0 0 1200 560')).toEqual(whole);
  expect(parseBox('0,0,1')).toBeNull();
  expect(parseBox(null)).toBeNull();
});
