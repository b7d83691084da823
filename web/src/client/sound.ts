/**
 * The room's sound: what the daemon's summary asks for, only the highest priority, made by oscillators. The state stands in
 * `document.documentElement.dataset.sound` (fire, gas, fault, silent, blocked). A browser starts no sound before the first key or
 * click; until then it is `blocked` and the page says so, because a silent station is a fault.
 */
import { shallowReactive } from 'vue';

export type Tone = 'fire' | 'gas' | 'fault' | 'lost' | null;
export const soundView = shallowReactive({ blocked: true, tone: null as Tone });

let context: AudioContext | null = null;
let voice: { stop(): void } | null = null;

/** Fire: a sweep of 500 to 1200 Hz in half a second. Gas: four short beeps of 880 Hz in 2 s. Fault: 440 and 585 Hz by turns. Lost line: three low beeps in 10 s. */
function play(audio: AudioContext, tone: Exclude<Tone, null>): { stop(): void } {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.connect(gain).connect(audio.destination);
  const period = { fire: 0.5, gas: 2, fault: 1.3, lost: 10 }[tone];
  const schedule = (from: number) => {
    if (tone === 'fire') {
      oscillator.type = 'sawtooth';
      gain.gain.setValueAtTime(0.25, from);
      oscillator.frequency.setValueAtTime(500, from);
      oscillator.frequency.linearRampToValueAtTime(1200, from + period);
    } else if (tone === 'fault') {
      gain.gain.setValueAtTime(0.2, from);
      oscillator.frequency.setValueAtTime(440, from);
      oscillator.frequency.setValueAtTime(585, from + 0.65);
    } else {
      const [pitch, loud, length, beeps] = tone === 'gas' ? [880, 0.25, 0.12, [0, 0.24, 0.48, 0.72]] : [300, 0.2, 0.2, [0, 0.4, 0.8]];
      oscillator.frequency.setValueAtTime(pitch, from);
      for (const beep of beeps) {
        gain.gain.setValueAtTime(loud, from + beep);
        gain.gain.setValueAtTime(0, from + beep + length);
      }
    }
  };
  gain.gain.setValueAtTime(0, audio.currentTime);
  let next = audio.currentTime;
  // Two seconds or one period ahead, so that a busy page does not stutter.
  const fill = () => {
    while (next < audio.currentTime + Math.max(2, period)) {
      schedule(next);
      next += period;
    }
  };
  fill();
  oscillator.start();
  const timer = setInterval(fill, 500);
  return {
    stop() {
      clearInterval(timer);
      oscillator.stop();
      oscillator.disconnect();
      gain.disconnect();
    },
  };
}

function settle(): void {
  const runs = context?.state === 'running';
  soundView.blocked = !runs;
  voice?.stop();
  voice = context && runs && soundView.tone ? play(context, soundView.tone) : null;
  const heard = soundView.tone === 'lost' ? 'fault' : (soundView.tone ?? 'silent');
  document.documentElement.dataset.sound = runs ? heard : 'blocked';
}

/** What shall be heard now. */
export function want(tone: Tone): void {
  if (tone === soundView.tone) return;
  soundView.tone = tone;
  settle();
}

/** Makes the context and unlocks it at the first key or click. */
export function startSound(): void {
  context = new AudioContext();
  context.onstatechange = settle;
  const unlock = () => {
    if (context && context.state !== 'running') void context.resume();
  };
  for (const gesture of ['pointerdown', 'keydown', 'touchend']) addEventListener(gesture, unlock, { capture: true, passive: true });
  settle();
}
