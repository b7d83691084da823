import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { clockTime, elapsed, now, running, setClock, setUtcOffset, startTicker, stopTicker } from './clock';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  stopTicker();
  vi.useRealTimers();
});

it('carries the server clocks on and counts a limit in whole seconds', () => {
  setClock(10_000, 1_000_000);
  startTicker();
  const run = running(() => ({ from: 8_000, due: 38_000 }));
  expect(run.value).toEqual({ left: 28, since: 2, total: 30, late: false });
  vi.advanceTimersByTime(1_000);
  expect(now.engine).toBe(11_000);
  expect(run.value?.left).toBe(27);
  vi.advanceTimersByTime(60_000);
  expect(run.value).toMatchObject({ left: 0, since: 63, late: true });
});

it('shows times of the campus and elapsed time', () => {
  setUtcOffset(480);
  expect(clockTime(Date.UTC(2026, 10, 25, 13, 5, 29))).toBe('21:05:29');
  expect(clockTime(null)).toBe('—');
  expect(elapsed(108)).toBe('01:48');
  expect(elapsed(3_708)).toBe('1:01:48');
});
