/** What the desk shows now: the documents it reads, which screen, which incident. No procedure logic: that is the daemon's. */
import { computed, reactive, watch } from 'vue';
import { now, setUtcOffset } from '../client/clock';
import { mayOperate } from '../client/may';
import { documents } from '../client/store';
import { stream } from '../client/stream';
import type { Alarm, IncidentDoc, OrderDoc, PointDoc, Step, VerbDoc } from '../documents';
import type { GlyphState } from '../design';
import { t, text } from '../words';

export const site = computed(() => documents.one('site') ?? null);
export const summary = computed(() => documents.one('summary') ?? null);
export const stale = computed(() => stream.view.state === 'stale');

/** Open incidents, most urgent first, as the daemon orders them. Who may only look is offered no verb. */
export const openIncidents = computed<IncidentDoc[]>(() => {
  const ids = summary.value?.incidents ?? [];
  const open = ids.map((id) => documents.of('incident').get(id)).filter((found) => found !== undefined);
  return mayOperate.value ? open : open.map((incident) => ({ ...incident, steps: incident.steps.map((step) => ({ ...step, verbs: [] })) }));
});

export type ScreenName = 'home' | 'floor' | 'linkage' | 'timeline' | 'report' | 'command' | 'record';
const SCREENS: ScreenName[] = ['home', 'floor', 'linkage', 'timeline', 'report', 'command', 'record'];
/** The screen, and what is chosen on it. The address keeps both, so that a reload shows the same. */
export const at = reactive({ screen: 'home' as ScreenName, incident: null as string | null, floor: null as string | null, output: null as string | null });

function readAddress(): void {
  const [screen, id] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  at.screen = SCREENS.find((name) => name === screen) ?? 'home';
  if (at.screen === 'floor') at.floor = id ?? null;
  else if (id) at.incident = id;
}

export function go(screen: ScreenName, id?: string | null): void {
  const address = `#/${screen}${id ? `/${encodeURIComponent(id)}` : ''}`;
  if (location.hash !== address) location.hash = address;
  readAddress();
}

export function startNavigation(): void {
  readAddress();
  addEventListener('hashchange', readAddress);
  watch(() => site.value?.utc_offset_minutes, (minutes) => minutes !== undefined && setUtcOffset(minutes), { immediate: true });
  // What is shown stays until it is closed: a more urgent one comes beside it, never in its place.
  watch(() => shown.value?.id ?? null, (id) => id !== null && at.screen !== 'timeline' && at.screen !== 'record' && (at.incident = id));
  // A new incident brings the incident screen, except where something may be under the hand: the linkage board and a report.
  watch(
    () => (summary.value ? openIncidents.value.map((incident) => incident.id) : null),
    (ids, before) => {
      // The first picture is no news.
      if (!ids || !before) return;
      const fresh = ids.find((id) => !before.includes(id));
      if (!fresh) return;
      if (at.screen === 'floor' || at.screen === 'timeline' || at.screen === 'record') go('home');
    },
  );
}

/** The incident under the hand: the chosen one while it is open, else the most urgent. */
export const shown = computed<IncidentDoc | null>(
  () => openIncidents.value.find((incident) => incident.id === at.incident) ?? openIncidents.value[0] ?? null,
);

export function choose(id: string): void {
  at.incident = id;
  go('home', id);
}

/** Orders of an incident, open ones first, the latest first. */
export function ordersOf(incident: IncidentDoc): OrderDoc[] {
  const found = incident.orders.map((id) => documents.of('order').get(id)).filter((order) => order !== undefined);
  return found.sort((a, b) => Number(b.open) - Number(a.open) || b.at - a.at);
}

export const placeOf = (alarm: Alarm) => [text(alarm.building), text(alarm.floor), text(alarm.room)].filter(Boolean).join(' ');

export const untaken = (incident: IncidentDoc) => incident.taken === null && incident.stage !== 'closed';

/** Over but for the paper: it no longer burns on the screen. */
export const isEnding = (incident: IncidentDoc) => incident.stage === 'false_alarm' || incident.stage === 'restoring' || incident.stage === 'closed';
/** The colour of its alarm, for `--alarm` of base.css. */
export const colourOf = (of: { kind: string } | null | undefined) => (of?.kind === 'gas' ? 'of-gas' : 'of-fire');

/** What it is in a word: the stage once it ends, else the class; a gas leak is never called a fire. */
export function classWord(incident: IncidentDoc): string {
  if (isEnding(incident) || incident.stage === 'unverified') return t(`ui.stage_${incident.stage}`);
  return incident.kind === 'gas' ? t('ui.gas_leak') : t(`ui.class_of_${incident.class}`);
}

/** How it hangs together with others of its building: the fire may have spread here, or it is in the same house. */
export function kinOf(incident: IncidentDoc): string {
  if (incident.spread_of) return t('ui.spread');
  const others = openIncidents.value.some((other) => other.id !== incident.id && other.building === incident.building);
  return others ? t('ui.same_building') : '';
}

export function glyphOf(incident: IncidentDoc): GlyphState {
  if (incident.kind === 'gas') return 'gas';
  return incident.class === 'confirmed' ? 'confirmed' : 'fire';
}

/** The state of a device as one glyph, the worst first. A value that is not good is never shown as normal. */
export function glyphOfPoint(point: PointDoc): GlyphState {
  if (point.kind === 'gas' && (point.high || point.low || point.incident !== null)) return 'gas';
  if (point.fire || (point.incident !== null && point.latched_at !== null)) return 'fire';
  if (point.quality !== 'good') return 'offline';
  if (point.fault) return 'fault';
  if (point.kind === 'supervisory' && point.active) return 'supervisory';
  if (point.disabled) return 'disabled';
  return 'normal';
}

const COUNTED = ['fire', 'gas', 'offline', 'fault', 'supervisory', 'disabled'] as const;
export type Counted = (typeof COUNTED)[number];
export type Counts = { points: number } & Record<Counted, number>;
/** The worst that a set of devices has, or none. */
export const worstOf = (counts: Counts): Counted | null => COUNTED.find((state) => counts[state] > 0) ?? null;

/** How many devices of a set stand in which state. */
export function count(points: Iterable<PointDoc>): Counts {
  const counts: Counts = { points: 0, fire: 0, gas: 0, offline: 0, fault: 0, supervisory: 0, disabled: 0 };
  for (const point of points) {
    counts.points += 1;
    const glyph = glyphOfPoint(point) as Counted;
    if (COUNTED.includes(glyph)) counts[glyph] += 1;
  }
  return counts;
}

/** Detectors, call points and switches: what stands on a plan. Feedback contacts and the panel's own lamps are not devices. */
const NO_DEVICE = new Set(['feedback', 'panel_key', 'panel_silenced', 'panel_sounders', 'panel_mains']);
export const isDevice = (point: PointDoc) => !NO_DEVICE.has(point.kind);
export const devices = computed(() => [...documents.of('point').values()].filter(isDevice));

/** Verbs that weaken protection wait while the picture is stale; all others may still be sent. */
const WEAKENING = new Set(['judge_false', 'correct_false', 'stop_sounders', 'reset', 'all_clear', 'restore']);
export const waits = (verb: VerbDoc) => stale.value && (WEAKENING.has(verb.verb) || (verb.verb === 'mode' && verb.body['mode'] === 'manual'));

/** The verb of a key in an incident, with its step. */
export function verbOfKey(incident: IncidentDoc | null, key: string): { step: Step; verb: VerbDoc } | null {
  for (const step of incident?.steps ?? []) {
    const verb = step.verbs.find((offered) => offered.key === key);
    if (verb) return { step, verb };
  }
  return null;
}

/** Steps that a key or a press opened beside the one to do now. */
export const opened = reactive(new Set<string>());

/** Seconds since the first alarm of the campus. */
export const sinceFirst = computed(() => {
  const first = summary.value?.first_alarm;
  return first ? Math.floor((now.wall - first.at) / 1000) : null;
});
