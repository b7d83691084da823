/**
 * The phone's bell: sound, vibration and a screen that stays on while an order is unanswered. What works and what does not is
 * shown to the guard; a phone that cannot ring is a fault, not a detail.
 */
import { shallowReactive } from 'vue';

/** What the phone calls with. */
export type Ring = 'fire' | 'gas' | null;

/** `none`: this browser cannot do it here (wake lock and vibration need HTTPS or a certain browser). */
export const bell = shallowReactive({
  sound: 'blocked' as 'blocked' | 'ready',
  awake: 'ready' as 'none' | 'ready' | 'held',
  vibration: 'ready' as 'none' | 'ready',
  ringing: null as Ring,
});

const PATTERN_MS = [400, 150, 400, 150, 400];
const PERIOD_S = 2.4;
let audio: AudioContext | null = null;
let voice: { stop(): void } | null = null;
let shaking: ReturnType<typeof setInterval> | undefined;
let lock: { release(): Promise<void> } | null = null;
let wantsAwake = false;

/** The desk's sounds, cut into calls so that they carry outdoors. Fire: three rising sweeps and a pause. Gas: four short beeps and a pause. */
function play(context: AudioContext, tone: Exclude<Ring, null>): { stop(): void } {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const [beats, length, from, to] = tone === 'gas' ? [[0, 0.24, 0.48, 0.72], 0.12, 880, 880] : [[0, 0.55, 1.1], 0.4, 500, 1200];
  oscillator.type = tone === 'gas' ? 'square' : 'sawtooth';
  oscillator.connect(gain).connect(context.destination);
  let next = context.currentTime;
  const fill = () => {
    for (; next < context.currentTime + 3; next += PERIOD_S) {
      for (const beat of beats) {
        gain.gain.setValueAtTime(0.4, next + beat);
        oscillator.frequency.setValueAtTime(from, next + beat);
        oscillator.frequency.linearRampToValueAtTime(to, next + beat + length);
        gain.gain.setValueAtTime(0, next + beat + length + 0.02);
      }
    }
  };
  gain.gain.setValueAtTime(0, context.currentTime);
  fill();
  oscillator.start();
  const timer = setInterval(fill, 500);
  return {
    stop() {
      clearInterval(timer);
      oscillator.stop();
      gain.disconnect();
    },
  };
}

function settle(): void {
  const runs = audio?.state === 'running';
  bell.sound = runs ? 'ready' : 'blocked';
  voice?.stop();
  voice = audio && runs && bell.ringing ? play(audio, bell.ringing) : null;
  const heard = bell.ringing === 'gas' ? 'gas' : 'order';
  document.documentElement.dataset.sound = bell.ringing ? (runs ? heard : 'blocked') : 'silent';
}

export function ring(tone: Ring): void {
  if (tone === bell.ringing) return;
  bell.ringing = tone;
  settle();
  clearInterval(shaking);
  if (bell.vibration === 'none') return;
  // Without a gesture a browser refuses to vibrate and logs it, even to be still; then there is nothing to repeat.
  const vibrate = (pattern: number | number[]) => navigator.userActivation?.hasBeenActive !== false && navigator.vibrate(pattern);
  if (!tone) {
    vibrate(0);
    return;
  }
  const shake = () => vibrate(PATTERN_MS);
  shake();
  shaking = setInterval(shake, PERIOD_S * 1000);
}

/** Keeps the screen on while an order is open; a browser lets go when the page is hidden. */
export async function stayAwake(on: boolean): Promise<void> {
  wantsAwake = on;
  if (bell.awake === 'none') return;
  if (!on) {
    await lock?.release().catch(() => undefined);
    lock = null;
    bell.awake = 'ready';
    return;
  }
  if (lock || document.visibilityState !== 'visible') return;
  try {
    const held = await navigator.wakeLock.request('screen');
    lock = held;
    bell.awake = 'held';
    held.addEventListener('release', () => {
      if (lock === held) lock = null;
      if (bell.awake === 'held') bell.awake = 'ready';
    });
    if (!wantsAwake) await stayAwake(false);
  } catch {
    // Low battery or a hidden page; it is asked for again when the page is seen.
    bell.awake = 'ready';
  }
}

export function startBell(): void {
  if (!('vibrate' in navigator)) bell.vibration = 'none';
  if (!('wakeLock' in navigator)) bell.awake = 'none';
  audio = new AudioContext();
  audio.onstatechange = settle;
  const unlock = () => {
    if (audio && audio.state !== 'running') void audio.resume();
  };
  for (const gesture of ['pointerdown', 'keydown', 'touchend']) addEventListener(gesture, unlock, { capture: true, passive: true });
  document.addEventListener('visibilitychange', () => void stayAwake(wantsAwake));
  settle();
}
