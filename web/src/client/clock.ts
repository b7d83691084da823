/**
 * The server's two clocks as this page knows them, carried on by the page's own steady clock between heartbeats.
 * One ticker of 250 ms moves everything on screen that counts.
 */
import { computed, reactive, type ComputedRef } from 'vue';
import type { Engine, Wall } from '../documents';

let offsets: { engine: number; wall: number } | null = null;
let ticker: ReturnType<typeof setInterval> | undefined;

/** The server's time now; `known` is false until the first snapshot. `page` is the page's own steady clock. */
export const now = reactive({ engine: 0, wall: 0, page: 0, known: false });

export function setClock(engine: Engine, wall: Wall): void {
  const page = performance.now();
  offsets = { engine: engine - page, wall: wall - page };
  tick();
}

function tick(): void {
  now.page = performance.now();
  if (!offsets) return;
  now.engine = now.page + offsets.engine;
  now.wall = now.page + offsets.wall;
  now.known = true;
}

export function startTicker(): void {
  ticker ??= setInterval(tick, 250);
}

export function stopTicker(): void {
  clearInterval(ticker);
  ticker = undefined;
}

export interface Running {
  /** Whole seconds left; 0 when late. */
  left: number;
  /** Whole seconds since it began. */
  since: number;
  /** Whole seconds of the limit. */
  total: number;
  late: boolean;
}

/** A limit that runs, in whole seconds: it changes once a second and only then draws. */
export function running(limit: () => { from: Engine; due: Engine } | null | undefined): ComputedRef<Running | null> {
  const left = computed(() => {
    const of = limit();
    return of ? Math.ceil((of.due - now.engine) / 1000) : 0;
  });
  return computed(() => {
    const of = limit();
    if (!of) return null;
    const total = Math.max(0, Math.round((of.due - of.from) / 1000));
    return { left: Math.max(0, left.value), since: Math.max(0, total - left.value), total, late: left.value <= 0 };
  });
}

const two = (value: number) => String(value).padStart(2, '0');

/** `01:48`, or `1:01:48` from an hour on. */
export function elapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

let offsetMinutes = -new Date(0).getTimezoneOffset();
/** The campus's own time zone; times on screen are the campus's, wherever the browser stands. */
export function setUtcOffset(minutes: number): void {
  offsetMinutes = minutes;
}

const civil = (wall: Wall) => new Date(wall + offsetMinutes * 60_000);

/** `21:05:29` */
export function clockTime(wall: Wall | null | undefined): string {
  if (wall === null || wall === undefined) return '—';
  const at = civil(wall);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

/** `11-23` */
export function shortDate(wall: Wall): string {
  const at = civil(wall);
  return `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
}

/** `2026-11-23` */
export const longDate = (wall: Wall): string => `${civil(wall).getUTCFullYear()}-${shortDate(wall)}`;

export const weekday = (wall: Wall) => civil(wall).getUTCDay();
export const hour = (wall: Wall) => civil(wall).getUTCHours();
