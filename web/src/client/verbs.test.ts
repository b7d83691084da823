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

  it('asks for the password in its place and is sent again under the same key with what was entered', async () => {
    const asks = { type: 't', title: 't', status: 403, code: 'step_up_required', detail: { zh: '请再次输入密码', en: 'password again' } };
    const wrong = { ...asks, code: 'proof_refused' };
    fetched
      .mockResolvedValueOnce(answer(403, asks))
      .mockResolvedValueOnce(answer(403, wrong))
      .mockResolvedValueOnce(new Response(null, { status: 204 }))
      .mockResolvedValueOnce(answer(200, { seq: 1 }));
    const reset = { ...verb, verb: 'reset', path: '/api/v1/incidents/F-1/reset' };
    const done = act(reset, { reason: 'dust' }, 's6');
    const asked = async () => {
      await vi.waitFor(() => expect(outcomeOf(reset, 's6')?.state).toBe('proof'));
      return outcomeOf(reset, 's6');
    };
    expect(await act(reset, {}, 's6'), 'a second press while it is asked').toBe(false);
    (await asked())?.answer?.('guess');
    await vi.waitFor(() => expect(outcomeOf(reset, 's6')?.problem?.code).toBe('proof_refused'));
    (await asked())?.answer?.('secret');
    expect(await done).toBe(true);
    const paths = fetched.mock.calls.map(([path]) => path);
    expect(paths).toEqual([reset.path, '/api/v1/session/proof', '/api/v1/session/proof', reset.path]);
    expect(keys()[3]).toBe(keys()[0]);
    expect(fetched.mock.calls[3]?.[1].body).toBe(fetched.mock.calls[0]?.[1].body);
  });

  it('is not done when nobody gives the password', async () => {
    fetched.mockResolvedValueOnce(answer(403, { type: 't', title: 't', status: 403, code: 'step_up_required', detail: { zh: 'z', en: 'e' } }));
    const done = act(verb, {}, 's7');
    await vi.waitFor(() => expect(outcomeOf(verb, 's7')?.state).toBe('proof'));
    outcomeOf(verb, 's7')?.answer?.(null);
    expect(await done).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(1);
    expect(outcomeOf(verb, 's7')).toBe(null);
  });

  it('is sent once while its answer is awaited', async () => {
    fetched.mockReturnValue(new Promise(() => {}));
    void act(verb, {}, 's5');
    expect(await act(verb, {}, 's5')).toBe(false);
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});
