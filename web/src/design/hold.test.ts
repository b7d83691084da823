import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Hold } from './hold';

let done: ReturnType<typeof vi.fn<() => void>>;
let hold: Hold;
beforeEach(() => {
  vi.useFakeTimers();
  done = vi.fn<() => void>();
  hold = new Hold(done, () => {});
});
afterEach(() => void vi.useRealTimers());

it('does nothing when let go after 1.4 of 1.5 s', () => {
  hold.press(1_500);
  vi.advanceTimersByTime(1_400);
  hold.release();
  vi.advanceTimersByTime(5_000);
  expect(done).not.toHaveBeenCalled();
});

it('acts once, however long it is held', () => {
  hold.press(1_500);
  vi.advanceTimersByTime(1_600);
  hold.press(1_500);
  hold.release();
  vi.advanceTimersByTime(5_000);
  expect(done).toHaveBeenCalledTimes(1);
});

it('does not add up two short presses', () => {
  for (let press = 0; press < 2; press += 1) {
    hold.press(1_500);
    vi.advanceTimersByTime(800);
    hold.release();
  }
  expect(done).not.toHaveBeenCalled();
});
