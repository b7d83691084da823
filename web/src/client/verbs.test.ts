import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { VerbDoc } from '../documents';
import { act, latest, outcomeOf } from './verbs';

const verb: VerbDoc = { verb: 'take', path: '/api/v1/incidents/F-1/take', line: { key: 'verb.take' }, hold_ms: 0, tone: 'act', key: 'F2', body: { a: 1 }, choice: null };
const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

describe('a verb', () => {
  const fetched = vi.fn<(path: string, how: RequestInit) => Promise<Response>>();
  beforeEach(() => {
    vi.useFakeTimers();
    fetched.mockReset();
    vi.stubGlobal('fetch', fetched);
    latest.trouble = null;
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
  const keys = () => fetched.mock.calls.map(([, how]) => (how.headers as Record<string, string>)['idempotency-key']);

  it('sends its body and the choice under one key', async () => {
    fetched.mockResolvedValue(answer(200, { seq: 1, durable: 'store' }));
    expect(await act(verb, { cause: 'steam' }, 's1')).toBe(true);
    expect(JSON.parse(String(fetched.mock.calls[0]?.[1].body))).toEqual({ a: 1, cause: 'steam' });
    expect(keys()[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(outcomeOf(verb, 's1')?.state).toBe('done');
  });

  it('asks for a lost answer again under the same key', async () => {
    fetched.mockRejectedValueOnce(new TypeError('lost')).mockResolvedValue(answer(200, { seq: 1 }));
    const done = act(verb, {}, 's2');
    await vi.advanceTimersByTimeAsync(500);
    expect(await done).toBe(true);
    expect(keys()).toHaveLength(2);
    expect(keys()[0]).toBe(keys()[1]);
  });

  it('says that it was not delivered, after a bounded number of tries', async () => {
    fetched.mockRejectedValue(new TypeError('lost'));
    const done = act(verb, {}, 's3');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await done).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(4);
    expect(outcomeOf(verb, 's3')?.state).toBe('unreachable');
    expect(latest.trouble?.verb).toBe(verb);
  });

  it('keeps a refusal with its problem, and does not repeat it', async () => {
    const problem = { type: 't', title: 't', status: 409, code: 'verdict_given', detail: { zh: '已判定', en: 'given' } };
    fetched.mockResolvedValue(answer(409, problem));
    expect(await act(verb, {}, 's4')).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(outcomeOf(verb, 's4')?.problem?.code).toBe('verdict_given');
  });

  it('is sent once while its answer is awaited', async () => {
    fetched.mockReturnValue(new Promise(() => {}));
    void act(verb, {}, 's5');
    expect(await act(verb, {}, 's5')).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});
