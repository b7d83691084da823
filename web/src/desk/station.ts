/** Which station 席位 this browser is. The first is the control room's; at another a lost room takes the whole screen. */
import { ref } from 'vue';

export const STATIONS = ['first', 'second'] as const;
export type Station = (typeof STATIONS)[number];
const STORED = 'fengsui.station';
const kept = typeof localStorage === 'undefined' ? null : localStorage.getItem(STORED);
export const station = ref<Station>(kept === 'second' ? 'second' : 'first');

export function chooseStation(next: Station): void {
  station.value = next;
  localStorage.setItem(STORED, next);
}
