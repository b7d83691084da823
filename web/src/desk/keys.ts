/** Function keys of the desk, the same on every screen. A key that takes a verb acts; the others only show. */
import { computed, nextTick } from 'vue';
import { mayOperate, mayReport } from '../client/may';
import { act, siteVerb } from '../client/verbs';
import { open, recordable } from './record';
import { at, choose, go, opened, openIncidents, shown, verbOfKey } from './state';

/** Brings a step into view with the focus on its first button. */
async function show(stepId: string): Promise<void> {
  go('home', shown.value?.id ?? null);
  opened.add(stepId);
  await nextTick();
  const step = document.querySelector(`[data-testid="step-${stepId}"]`);
  step?.scrollIntoView({ block: 'nearest' });
  step?.querySelector<HTMLElement>('.verbs button:not(:disabled), .verbs select')?.focus();
}

/** 接警: the incident under the hand, else the most urgent that nobody has taken. */
function take(): void {
  const found = [shown.value, ...openIncidents.value].find((incident) => verbOfKey(incident, 'F2'));
  const offered = found ? verbOfKey(found, 'F2') : null;
  if (!found || !offered) return;
  if (found.id !== shown.value?.id) choose(found.id);
  if (offered.verb.hold_ms === 0) void act(offered.verb, {}, offered.step.id);
  else void show(offered.step.id);
}

/** The first press shows the card of the call; on the open card the key is its button. */
function call119(): void {
  const offered = verbOfKey(shown.value, 'F8');
  if (!offered) return;
  const visible = document.querySelector('[data-testid="step-call119"] .verbs');
  if (at.screen === 'home' && offered.step.state === 'now' && visible) void act(offered.verb, {}, offered.step.id);
  else void show(offered.step.id);
}

export interface FunctionKey { key: string; word: 'take' | 'mute' | 'plan' | 'linkage' | 'dispatch' | 'call119' | 'timeline' | 'report' | 'record' | 'command'; run: () => void }

/** Keys that act; who may only look does not have them. */
const ACTS = new Set(['take', 'mute', 'dispatch', 'call119', 'record']);
export const functionKeys = computed(() => KEYS.filter(({ word }) => (word === 'report' ? mayReport.value : mayOperate.value || !ACTS.has(word))));

const KEYS: FunctionKey[] = [
  { key: 'F2', word: 'take', run: take },
  { key: 'F3', word: 'mute', run: () => void act(siteVerb('mute')) },
  { key: 'F4', word: 'plan', run: () => go('floor', shown.value?.floor ?? at.floor) },
  { key: 'F5', word: 'report', run: () => go('report') },
  { key: 'F6', word: 'linkage', run: () => go('linkage', shown.value?.id) },
  { key: 'F7', word: 'dispatch', run: () => void show('verify') },
  { key: 'F8', word: 'call119', run: call119 },
  { key: 'F9', word: 'record', run: () => (at.screen === 'command' || go('home', shown.value?.id), open(recordable.value[0]?.id)) },
  { key: 'F10', word: 'timeline', run: () => go('timeline', shown.value?.id ?? at.incident) },
  { key: 'F11', word: 'command', run: () => go('command', shown.value?.id) },
];

const isTyping = (target: EventTarget | null) => target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

function onKey(event: KeyboardEvent): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  // The number of an order opens 代录; its sheet takes the number of the answer.
  const order = /^[1-9]$/.test(event.key) && !isTyping(event.target) ? recordable.value[Number(event.key) - 1] : undefined;
  if (order && (at.screen === 'home' || at.screen === 'command')) {
    event.preventDefault();
    if (!event.repeat) open(order.id);
    return;
  }
  if (event.key === 'Escape') {
    // Esc closes an open list first.
    if (event.target instanceof HTMLSelectElement) return;
    go('home', shown.value?.id);
    return;
  }
  const found = functionKeys.value.find((item) => item.key === event.key);
  if (!found) return;
  event.preventDefault();
  if (!event.repeat) found.run();
}

export function startKeys(): () => void {
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}
