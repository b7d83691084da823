/**
 * Replies that the daemon may not have yet. A reply leaves only when its order's document lists it as heard or when the
 * daemon refuses it, and until then it survives a reload. This file knows no network: the ways are given.
 */
import { shallowReactive } from 'vue';
import type { OrderDoc } from '../documents';

export type Verb = 'received' | OrderDoc['replies'][number]['verb'];
/** What is sent, over MQTT and HTTP alike. */
export interface Reply { v: 1; reply_id: string; verb: Verb; cause?: string; reason?: string; at: number; present?: number; missing?: number; count?: number; accounted?: number }
export interface Unsent { recipient: string; order: string; reply: Reply }
export interface Kept { getItem(key: string): string | null; setItem(key: string, value: string): void }

const KEY = 'fengsui.unsent';
/** A guard answers a few orders a day; more than this is a broken page, and then the oldest receipt goes first. */
const UNSENT_MAX = 50;
/** How long a way may be silent before the reply is sent again, over both. */
export const AGAIN_MS = 5_000;

function isUnsent(value: unknown): value is Unsent {
  const unsent = value as Unsent | null;
  return typeof unsent?.order === 'string' && typeof unsent.recipient === 'string' && typeof unsent.reply?.reply_id === 'string';
}

function load(kept: Kept): Unsent[] {
  try {
    const list: unknown = JSON.parse(kept.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter(isUnsent) : [];
  } catch {
    return [];
  }
}

export class Outbox {
  readonly list: Unsent[];

  constructor(private readonly kept: Kept) {
    this.list = shallowReactive(load(kept));
  }

  add(unsent: Unsent): void {
    if (this.list.some((other) => other.reply.reply_id === unsent.reply.reply_id)) return;
    if (this.list.length >= UNSENT_MAX) {
      const receipt = this.list.findIndex((other) => other.reply.verb === 'received');
      this.list.splice(Math.max(0, receipt), 1);
    }
    this.list.push(unsent);
    this.keep();
  }

  remove(replyId: string): void {
    const at = this.list.findIndex((unsent) => unsent.reply.reply_id === replyId);
    if (at < 0) return;
    this.list.splice(at, 1);
    this.keep();
  }

  /** Lets go of everything that this order's document lists. */
  heard(order: OrderDoc): void {
    const done = this.list.filter((unsent) => unsent.order === order.id && order.heard.includes(unsent.reply.reply_id));
    for (const unsent of done) this.remove(unsent.reply.reply_id);
  }

  of(order: string): Unsent[] {
    return this.list.filter((unsent) => unsent.order === order);
  }

  private keep(): void {
    try {
      this.kept.setItem(KEY, JSON.stringify(this.list));
    } catch {
      // A full or forbidden storage: the reply still goes out from memory.
    }
  }
}

export type Answer = 'recorded' | 'refused' | 'unreachable';
export interface Ways {
  /** Hands it to a live MQTT link; false when there is none. */
  publish(unsent: Unsent): boolean;
  post(unsent: Unsent): Promise<Answer>;
}

/** Sends what waits: over MQTT first, over HTTP when MQTT is down or silent, again and again until it is heard. */
export class Courier {
  private readonly tried = new Map<string, number>();
  private readonly posting = new Set<string>();

  constructor(
    private readonly outbox: Outbox,
    private readonly ways: Ways,
  ) {}

  /** Called at every second and whenever something changed; `now` is a clock that never steps. */
  look(now: number): void {
    const ids = new Set(this.outbox.list.map((unsent) => unsent.reply.reply_id));
    for (const id of this.tried.keys()) if (!ids.has(id)) this.tried.delete(id);
    for (const unsent of [...this.outbox.list]) {
      const id = unsent.reply.reply_id;
      const last = this.tried.get(id);
      if (last !== undefined && now - last < AGAIN_MS) continue;
      this.tried.set(id, now);
      const published = this.ways.publish(unsent);
      if (!published || last !== undefined) void this.post(unsent);
    }
  }

  /** Everything is due at once: a link came back or the page is seen again. */
  again(now: number): void {
    for (const id of this.tried.keys()) this.tried.set(id, now - AGAIN_MS);
    this.look(now);
  }

  private async post(unsent: Unsent): Promise<void> {
    const id = unsent.reply.reply_id;
    if (this.posting.has(id)) return;
    this.posting.add(id);
    try {
      if ((await this.ways.post(unsent)) === 'refused') this.outbox.remove(id);
    } finally {
      this.posting.delete(id);
    }
  }
}
