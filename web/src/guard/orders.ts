/** The guard's orders from both ways, HTTP documents and MQTT messages: of each order the newer document counts. */
import type { OrderDoc } from '../documents';

const STATES = new Set(['queued', 'at_broker', 'received', 'accepted', 'arrived', 'done', 'declined', 'withdrawn', 'expired']);

/** What is right at a fire can make a spark at a leak: words, colour and tone differ. */
export const isGas = (order: OrderDoc) => order.incident_kind === 'gas';

/** What the phone rings for: a leak is never called by the tone of a fire, and a fire comes first. */
export function toneOf(list: Iterable<OrderDoc>): 'fire' | 'gas' | null {
  const unanswered = [...list].filter(isUnanswered);
  if (unanswered.length === 0) return null;
  return unanswered.every(isGas) ? 'gas' : 'fire';
}

/** A message may come from a newer daemon or from somebody's test: it counts when it has what the page shows. */
export function isOrder(value: unknown): value is OrderDoc {
  const order = value as OrderDoc | null;
  return (
    typeof order === 'object' && order !== null && order.v === 1 && typeof order.id === 'string' && typeof order.seq === 'number' &&
    STATES.has(order.state) && typeof order.open === 'boolean' && Array.isArray(order.heard) && Array.isArray(order.replies)
  );
}

/**
 * One document per order, newest first by issue. `live` says whether the HTTP documents are complete up to `seq`; an order
 * that they no longer have is over, whatever an older message said.
 */
export function merged(held: Iterable<OrderDoc>, heard: Iterable<OrderDoc>, live: boolean, seq: number): OrderDoc[] {
  const byId = new Map<string, OrderDoc>();
  for (const order of held) byId.set(order.id, order);
  for (const order of heard) {
    const other = byId.get(order.id);
    const isOver = !other && live && seq >= order.seq;
    if (isOver || (other && other.seq >= order.seq)) continue;
    byId.set(order.id, order);
  }
  return [...byId.values()].sort((a, b) => rank(a) - rank(b) || b.alarm_at - a.alarm_at || a.id.localeCompare(b.id));
}

/** Unanswered before answered, open before ended. */
function rank(order: OrderDoc): number {
  if (!order.open) return 2;
  return isUnanswered(order) ? 0 : 1;
}

/** The place in two lines. The document's place ends with the room; a place without it stays whole. */
export function placeLines(place: string, room: string): [string, string] {
  const rest = place.endsWith(room) ? place.slice(0, place.length - room.length).trimEnd() : place;
  return [rest, room];
}

/** The guard has not said 收到 yet. */
export function isUnanswered(order: OrderDoc): boolean {
  return order.open && order.replies.some((reply) => reply.verb === 'accept');
}

/** The device itself has not told that it has the order. */
export function isUnreceived(order: OrderDoc): boolean {
  return order.open && (order.state === 'queued' || order.state === 'at_broker');
}
