/** Night and day. By default night from 19:00 to 07:00 of the campus; a person may fix either. */
import { computed, ref, watchEffect } from 'vue';
import { hour, now } from '../client/clock';

export type Theme = 'night' | 'day';
export type ThemeChoice = Theme | 'auto';
const STORED = 'fengsui.theme';
const kept = typeof localStorage === 'undefined' ? null : localStorage.getItem(STORED);
export const themeChoice = ref<ThemeChoice>(kept === 'night' || kept === 'day' ? kept : 'auto');

const dark = computed(() => {
  const at = hour(now.known ? now.wall : Date.now());
  return at >= 19 || at < 7;
});
export const theme = computed<Theme>(() => (themeChoice.value === 'auto' ? (dark.value ? 'night' : 'day') : themeChoice.value));

export function chooseTheme(next: ThemeChoice): void {
  themeChoice.value = next;
  localStorage.setItem(STORED, next);
}

export function startTheme(): void {
  watchEffect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
  // Paper is white.
  addEventListener('beforeprint', () => (document.documentElement.dataset.theme = 'day'));
  addEventListener('afterprint', () => (document.documentElement.dataset.theme = theme.value));
}
