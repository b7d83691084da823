/**
 * The guard's duty: the device that is signed on, the orders it holds, the answers it sent, and what travels how. The page
 * shows it. Every answer that is offered stands in the order's document; nothing is decided here.
 */
import { computed, shallowReactive, shallowRef, watch } from 'vue';
import type { OrderDoc, Problem } from '../documents';
import { API, call, me, newKey, Refusal, resume, signOff, signOn } from '../client/api';
import { setUtcOffset, startTicker } from '../client/clock';
import { maySupervise } from '../client/may';
import { documents } from '../client/store';
import { followAsDevice, stream } from '../client/stream';
import { bell, ring, startBell, stayAwake } from './bell';
import { sendFound } from './found';
import { type Device, MqttLink } from './link';
import { isOrder, isUnreceived, merged, toneOf } from './orders';
import { type Answer, Courier, Outbox, type Reply, type Unsent, type Verb } from './outbox';
import * as steady from './steady';

const DEVICE = 'fengsui.device';
/** A credential that the broker refuses is asked for again, but never in a tight circle. */
const RENEW_MS = 30_000;
/** The daemon reads these answers as "no"; everything else is tried again. */
const REFUSED = new Set([400, 404, 409, 422]);

function loadDevice(): Device | null {
  try {
    const kept = JSON.parse(localStorage.getItem(DEVICE) ?? 'null') as Device | null;
    return typeof kept?.token === 'string' && typeof kept.recipient === 'string' ? kept : null;
  } catch {
    return null;
  }
}

export const device = shallowRef<Device | null>(loadDevice());
export const outbox = new Outbox(localStorage);
/** An answer that the daemon refused, until the guard has seen it. */
export const trouble = shallowRef<{ verb: Verb; problem: Problem | null } | null>(null);

const heard = shallowReactive(new Map<string, OrderDoc>());
const told = new Set<string>();
let renewedAt = Number.NEGATIVE_INFINITY;

export const link = new MqttLink(
  (document) => {
    if (!isOrder(document) || document.recipient !== device.value?.recipient) return;
    const before = heard.get(document.id);
    if (!before || before.seq < document.seq) heard.set(document.id, document);
  },
  () => courier.again(performance.now()),
);
const courier = new Courier(outbox, { publish: (unsent) => link.publish(unsent), post });

/** Every order of this recipient, unanswered first. */
export const orders = computed<OrderDoc[]>(() => {
  const own = device.value?.recipient;
  const held = [...documents.of('order').values()].filter((order) => order.recipient === own);
  return merged(held, heard.values(), stream.view.state === 'live', documents.seq);
});
export const open = computed(() => orders.value.filter((order) => order.open));
export const name = computed(() => {
  const own = device.value?.recipient;
  const listed = documents.one('site')?.recipients.find((recipient) => recipient.id === own)?.name;
  return listed ?? orders.value[0]?.recipient_name ?? me.value?.name ?? own ?? '';
});
/** This browser is signed on as somebody else, or nobody: HTTP then carries nothing for this device. */
export const needsSignOn = computed(() =>
  me.value ? me.value.recipient !== device.value?.recipient : stream.view.state === 'signed_out',
);
/** `online` when orders arrive by at least one way. */
export const reach = computed(() => {
  const [http, mqtt] = [stream.view.state, link.view.state];
  if (http === 'live' || mqtt === 'up') return 'online' as const;
  return (http === 'starting' && !needsSignOn.value) || mqtt === 'connecting' ? ('connecting' as const) : ('offline' as const);
});

/** Answers an order. What the guard chose goes under the field that the document names. */
export function answer(order: OrderDoc, verb: Verb, chosen: Omit<Partial<Reply>, 'v' | 'reply_id' | 'verb' | 'at'> = {}): void {
  if (outbox.of(order.id).some((unsent) => unsent.reply.verb === verb)) return;
  const reply = { v: 1 as const, reply_id: newKey(), verb, ...chosen, at: Date.now() };
  outbox.add({ recipient: order.recipient, order: order.id, reply });
  courier.look(performance.now());
}

async function post({ recipient, order, reply }: Unsent): Promise<Answer> {
  try {
    if (!me.value) await resume();
    if (me.value?.recipient !== recipient) return 'unreachable';
    await call(`${API}/orders/${encodeURIComponent(order)}/replies`, { method: 'POST', body: reply });
    // The stream brings the document that lists it; without a stream it is fetched.
    if (stream.view.state === 'stale' || stream.view.state === 'signed_out') stream.start();
    return 'recorded';
  } catch (failed) {
    if (!(failed instanceof Refusal)) return 'unreachable';
    if (failed.status === 401 || failed.status === 403) me.value = null;
    if (!REFUSED.has(failed.status)) return 'unreachable';
    if (reply.verb !== 'received') trouble.value = { verb: reply.verb, problem: failed.problem };
    return 'refused';
  }
}

/** The device says by itself that it has an order. One id per order, so that two devices of one post are one receipt. */
function receive(list: OrderDoc[]): void {
  for (const order of list) {
    outbox.heard(order);
    if (!isUnreceived(order) || told.has(order.id)) continue;
    told.add(order.id);
    const reply = { v: 1 as const, reply_id: `received-${order.id}`.slice(-64), verb: 'received' as const, at: Date.now() };
    outbox.add({ recipient: order.recipient, order: order.id, reply });
  }
  courier.look(performance.now());
}

function keep(next: Device | null): void {
  device.value = next;
  if (next) localStorage.setItem(DEVICE, JSON.stringify(next));
  else localStorage.removeItem(DEVICE);
}

/** With a session: a credential for this device if it has none, then both ways open. */
async function enter(): Promise<void> {
  const own = me.value?.recipient;
  if (!own) return;
  if (device.value?.recipient !== own) {
    heard.clear();
    keep(await call<Device>(`${API}/device`, { method: 'POST', body: {} }));
    if (device.value) void link.start(device.value);
  }
  stream.start();
}

/** `false` when the account has no post: it is signed off again at once. */
export async function signOnAsGuard(account: string, password: string): Promise<boolean> {
  await signOn(account, password);
  if (!me.value?.recipient) {
    await signOff();
    return false;
  }
  await enter();
  return true;
}

export async function signOffGuard(): Promise<void> {
  link.stop();
  stream.stop();
  keep(null);
  heard.clear();
  documents.clear();
  await signOff().catch(() => undefined);
}

async function renew(): Promise<void> {
  const now = performance.now();
  if (!me.value?.recipient || now - renewedAt < RENEW_MS) return;
  renewedAt = now;
  try {
    const fresh = await call<Device>(`${API}/device`, { method: 'POST', body: {} });
    keep(fresh);
    await link.start(fresh);
  } catch (failed) {
    console.warn('no new device credential', failed);
  }
}

function wake(): void {
  if (document.visibilityState !== 'visible' || !device.value) return;
  if (!me.value || me.value.recipient === device.value.recipient) stream.start();
  link.wake();
  courier.again(performance.now());
}

/** An old page must not run against a new daemon, and never reloads under an order or an unsent answer. */
function freshen(now: string, before: string): void {
  if (before !== '' && now !== '' && now !== before && open.value.length === 0 && outbox.list.length === 0) location.reload();
}

/** Starts the page: what it knows of before a network answers, then the network. */
export async function begin(): Promise<void> {
  followAsDevice();
  startTicker();
  startBell();
  steady.every(1_000, () => {
    courier.look(performance.now());
    void sendFound(performance.now());
    if (link.view.state === 'refused') void renew();
  });
  watch(orders, receive, { immediate: true });
  const tone = () => {
    const { room_lost: lost, sound } = documents.one('summary') ?? {};
    const own = toneOf(open.value);
    if (!maySupervise.value || !lost || own === 'fire') return own;
    return sound === 'gas' ? 'gas' : 'fire';
  };
  watch(tone, ring, { immediate: true });
  watch(() => open.value.length > 0, (any) => void stayAwake(any), { immediate: true });
  watch(() => documents.one('site')?.utc_offset_minutes, (minutes) => minutes !== undefined && setUtcOffset(minutes));
  watch(() => stream.view.build, freshen);
  document.addEventListener('visibilitychange', wake);
  addEventListener('online', wake);
  if (device.value) void link.start(device.value);
  try {
    await resume();
    // Somebody else's session in this browser is left alone; the page asks to sign on again.
    if (me.value && (!device.value || device.value.recipient === me.value.recipient)) await enter();
    else if (!me.value && device.value) stream.start();
  } catch {
    // No answer yet: the stream tries on, and an old credential may still reach the broker.
    if (device.value) stream.start();
  }
}

export { bell };
