/**
 * 发现火情: a fire that this guard sees and no device has reported. It is kept on the phone and sent again until the daemon has it;
 * its id is the key, so that it counts once however often it is sent.
 */
import { shallowRef } from 'vue';
import type { Problem } from '../documents';
import { API, call, me, newKey, Refusal, resume } from '../client/api';

export interface Found { id: string; recipient: string; compartment: string | null; real: boolean; text: string }
const KEY = 'fengsui.found';
const AGAIN_MS = 3_000;
/** Answers that mean "no"; everything else is tried again. */
const REFUSED = new Set([400, 404, 409, 422]);

function load(): Found | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Found | null;
    return typeof kept?.id === 'string' && typeof kept.recipient === 'string' ? kept : null;
  } catch {
    return null;
  }
}

/** What is on its way, and what was refused. */
export const found = shallowRef<Found | null>(load());
export const foundRefused = shallowRef<Problem | 'refused' | null>(null);
let sending = false;
let triedAt = Number.NEGATIVE_INFINITY;

function keep(next: Found | null): void {
  found.value = next;
  if (next) localStorage.setItem(KEY, JSON.stringify(next));
  else localStorage.removeItem(KEY);
}

export function reportFound(report: Omit<Found, 'id'>): void {
  foundRefused.value = null;
  keep({ ...report, id: newKey() });
  triedAt = Number.NEGATIVE_INFINITY;
  void sendFound(performance.now());
}

/** Called every second: sends what is kept, again after a while. */
export async function sendFound(now: number): Promise<void> {
  const report = found.value;
  if (!report || sending || now - triedAt < AGAIN_MS) return;
  sending = true;
  triedAt = now;
  try {
    if (!me.value) await resume();
    if (me.value?.recipient !== report.recipient) return;
    const { id, compartment, real, text } = report;
    const body = { how: 'guard', real, ...(compartment && { compartment }), ...(text && { text }) };
    await call(`${API}/reports`, { method: 'POST', key: id, body });
    keep(null);
  } catch (failed) {
    if (!(failed instanceof Refusal) || !REFUSED.has(failed.status)) return;
    keep(null);
    foundRefused.value = failed.problem ?? 'refused';
  } finally {
    sending = false;
  }
}
