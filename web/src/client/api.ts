/** Calls of the daemon's HTTP interface. A refusal carries the problem details that the daemon gave. */
import { shallowRef } from 'vue';
import type { Me, Problem, Snapshot } from '../documents';

export const API = '/api/v1';
const TIMEOUT_MS = 5_000;

/** Who is signed on in this browser. */
export const me = shallowRef<Me | null>(null);

/** The daemon answered, and the answer was no. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem | null,
  ) {
    super(problem?.code ?? `HTTP ${status}`);
  }
}

let page: 'desk' | 'guard' = 'desk';
/** This page is the guard's: it has a session of its own, so that a guard who signs on beside a desk does not silence it. */
export function isGuardPage(): void {
  page = 'guard';
}
/** What the address of the stream says of the page; an EventSource can have no header. */
export const pageQuery = () => (page === 'guard' ? '&page=guard' : '');

export interface Call {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  /** Idempotency-Key: the same key is the same deed, however often it is sent. */
  key?: string;
}

export async function call<T>(path: string, how: Call = {}): Promise<T> {
  const method = how.method ?? 'GET';
  const headers: Record<string, string> = { accept: 'application/json' };
  if (page === 'guard') headers['x-fengsui-page'] = 'guard';
  if (how.body !== undefined) headers['content-type'] = 'application/json';
  if (how.key) headers['idempotency-key'] = how.key;
  if (method !== 'GET' && me.value) headers['x-fengsui-csrf'] = me.value.csrf;
  const response = await fetch(path, {
    method,
    headers,
    body: how.body === undefined ? null : JSON.stringify(how.body),
    credentials: 'same-origin',
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Refusal(response.status, await problemOf(response));
  if (response.status === 204) return undefined as T;
  const type = response.headers.get('content-type') ?? '';
  return (type.includes('json') ? await response.json() : await response.text()) as T;
}

async function problemOf(response: Response): Promise<Problem | null> {
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'code' in body ? (body as Problem) : null;
  } catch {
    return null;
  }
}

/** What GET /status says without a session. */
export interface Status {
  build: string; ready: boolean; store: string | null; seq: number; wall: number; engine: number;
  /** The command that makes the first account, while nobody can sign on at all. */
  first_account?: string | null;
  broker_up: boolean | null; links: { up: number; total: number };
}

export const getStatus = () => call<Status>(`${API}/status`);
export const getState = () => call<Snapshot>(`${API}/state`);

/** The session of the cookie, or none. */
export async function resume(): Promise<Me | null> {
  try {
    me.value = await call<Me>(`${API}/me`);
  } catch (refused) {
    if (!(refused instanceof Refusal) || refused.status !== 401) throw refused;
    me.value = null;
  }
  return me.value;
}

export async function signOn(account: string, password: string): Promise<Me> {
  me.value = await call<Me>(`${API}/session`, { method: 'POST', body: { account, password } });
  return me.value;
}

/** Gives the password of who is signed on again. */
export const prove = (password: string) => call(`${API}/session/proof`, { method: 'POST', body: { password } });

export async function signOff(): Promise<void> {
  try {
    await call(`${API}/session`, { method: 'DELETE' });
  } finally {
    me.value = null;
  }
}

/** A key for one deed. `crypto.randomUUID` is missing on plain http from another machine. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
