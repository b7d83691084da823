/** How an order stands against its limits. */
import { now } from '../../client/clock';
import type { OrderDoc } from '../../documents';

export type LateState = 'queued' | 'at_broker' | 'received' | 'accepted';

/** When the present state is over at the latest, or nothing that is waited for. */
export function dueOf(order: OrderDoc): number | null {
  if (!order.open) return null;
  const { receive, accept, arrive } = order.limits;
  if (order.state === 'queued' || order.state === 'at_broker') return receive;
  if (order.state === 'received') return accept;
  return order.state === 'accepted' ? arrive : null;
}

/** Late by how many seconds, and with what. */
export function lateOf(order: OrderDoc): { state: LateState; seconds: number } | null {
  const due = dueOf(order);
  return due === null || now.engine <= due ? null : { state: order.state as LateState, seconds: Math.floor((now.engine - due) / 1000) };
}

/** The limit that runs. */
export function limitOf(order: OrderDoc): { left: number; total: number } | null {
  const due = dueOf(order);
  return due === null ? null : { left: Math.max(0, Math.ceil((due - now.engine) / 1000)), total: Math.round((due - order.limits.issued) / 1000) };
}
