import { beforeEach, describe, expect, it } from 'vitest';
import type { StreamEntry } from '../documents';
import { scene } from '../testing/fixture';
import { Documents } from './store';

const entry = (seq: number, after: number, documents: Record<string, unknown>): StreamEntry => ({ seq, after, documents });

describe('the documents of a page', () => {
  let documents: Documents;
  beforeEach(() => {
    documents = new Documents();
    documents.take(scene('alarm'));
  });

  it('sorts a snapshot by kind, and keeps compound ids whole', () => {
    expect(documents.one('summary')?.incidents).toEqual(['F-20261125-001']);
    expect(documents.of('order').get('post2/F-20261125-001-1')?.state).toBe('accepted');
    expect(documents.of('point').size).toBeGreaterThan(40);
  });

  it('equals a later snapshot once the entries between are in', () => {
    const [before, later] = [scene('alarm'), scene('fire')];
    const gone = Object.keys(before.documents).filter((key) => !(key in later.documents));
    documents.apply(entry(101, 100, { ...later.documents, ...Object.fromEntries(gone.map((key) => [key, null])) }));
    const fresh = new Documents();
    fresh.take({ ...later, seq: 101 });
    for (const kind of ['point', 'incident', 'order', 'output', 'summary'] as const) {
      expect([...documents.of(kind)].sort()).toEqual([...fresh.of(kind)].sort());
    }
    expect(documents.seq).toBe(fresh.seq);
  });

  it('takes an entry that jumps, leaves one that is in already, and tells a gap', () => {
    expect(documents.apply(entry(105, 100, {}))).toBe('applied');
    expect(documents.apply(entry(103, 100, { summary: null }))).toBe('old');
    expect(documents.one('summary')).toBeDefined();
    expect(documents.apply(entry(110, 106, { summary: null }))).toBe('gap');
    expect(documents.one('summary')).toBeDefined();
    expect(documents.seq).toBe(105);
  });

  it('drops what a snapshot no longer names, and what an entry says is gone', () => {
    documents.apply(entry(101, 100, { 'incident/F-20261125-001': null }));
    expect(documents.of('incident').size).toBe(0);
    documents.take(scene('idle'));
    expect(documents.of('order').size).toBe(0);
    expect(documents.of('timeline').size).toBe(0);
  });

  it('leaves a kind that it does not know alone', () => {
    expect(documents.apply(entry(101, 100, { 'weather/1': {} }))).toBe('applied');
  });

  it('keeps measured values beside the documents, newest by point', () => {
    const at = 5_000;
    documents.measured({ 'P1-G01': { value: 12.3, trouble: null, quality: 'good', at }, 'P1-G02': { value: 0, trouble: null, quality: 'good', at } });
    documents.measured({ 'P1-G01': { value: null, trouble: { key: 'trouble.broken' }, quality: 'good', at: at + 1_000 } });
    expect(documents.live.get('P1-G01')).toMatchObject({ value: null, trouble: { key: 'trouble.broken' } });
    expect(documents.live.get('P1-G02')?.value).toBe(0);
    documents.clear();
    expect(documents.live.size).toBe(0);
  });
});
