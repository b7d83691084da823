import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { scene } from '../testing/fixture';
import { Refusal } from './api';
import { Documents } from './store';
import { type Heard, type Line, Stream } from './stream';

/** A line to a daemon that the test plays. */
class Played implements Line {
  snapshots = 0;
  closed = 0;
  fails: unknown = null;
  heard: Heard | null = null;
  since = -1;
  seq = 100;
  snapshot() {
    this.snapshots += 1;
    return this.fails ? Promise.reject(this.fails) : Promise.resolve({ ...scene('alarm'), seq: this.seq });
  }
  open(since: number, heard: Heard) {
    this.since = since;
    this.heard = heard;
    return { close: () => void (this.closed += 1) };
  }
  beat(seq = this.seq, incidents = 1) {
    this.heard?.heartbeat({ engine: 0, wall: 0, seq, build: 'b', incidents });
  }
}

describe('the stream', () => {
  let line: Played;
  let documents: Documents;
  let stream: Stream;
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  beforeEach(async () => {
    vi.useFakeTimers();
    line = new Played();
    documents = new Documents();
    stream = new Stream(documents, line);
    stream.start();
    await pass(1);
  });
  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it('takes a snapshot and reads on from its number', () => {
    expect(line.since).toBe(100);
    expect(stream.view.state).toBe('live');
  });

  it('draws a flood once a frame, and a new incident at once', async () => {
    const all = scene('three').documents;
    line.heard?.entry({ seq: 101, after: 100, documents: { summary: all['summary'] } });
    expect(documents.seq).toBe(100);
    await pass(20);
    expect(documents.seq).toBe(101);
    line.heard?.entry({ seq: 102, after: 101, documents: { 'incident/F-20261125-002': all['incident/F-20261125-002'] } });
    expect(documents.seq).toBe(102);
  });

  it('is stale five seconds after the last message, drops the dead line and takes a snapshot when it is back', async () => {
    await pass(4_900);
    expect(stream.view.state).toBe('live');
    line.fails = new TypeError('no network');
    await pass(500);
    expect(stream.view.state).toBe('stale');
    expect(line.closed).toBe(1);
    await pass(6_000);
    const tried = line.snapshots;
    expect(tried).toBeGreaterThan(3);
    line.fails = null;
    await pass(3_000);
    expect(stream.view.state).toBe('live');
    expect(line.snapshots).toBe(tried + 1);
  });

  it('stays live while heartbeats come', async () => {
    for (let beat = 0; beat < 10; beat += 1) {
      await pass(2_000);
      line.beat();
    }
    expect(stream.view.state).toBe('live');
    expect(line.snapshots).toBe(1);
  });

  it('connects again after an HTTP error within a second', async () => {
    line.heard?.broken();
    await pass(600);
    expect(line.snapshots).toBe(2);
    expect(stream.view.state).toBe('live');
  });

  it('starts anew at once when asked, and when an entry is missing', async () => {
    line.heard?.resync();
    await pass(1);
    expect(line.snapshots).toBe(2);
    line.heard?.entry({ seq: 130, after: 120, documents: {} });
    await pass(20);
    expect(line.snapshots).toBe(3);
  });

  it('starts anew when it lags behind two heartbeats, or shows another number of incidents', async () => {
    line.beat(140);
    expect(line.snapshots).toBe(1);
    line.beat(140);
    await pass(1);
    expect(line.snapshots).toBe(2);
    line.beat(100, 2);
    line.beat(100, 2);
    await pass(1);
    expect(line.snapshots).toBe(3);
  });

  it('ignores what an old line still says', async () => {
    const old = line.heard;
    old?.broken();
    await pass(600);
    old?.entry({ seq: 200, after: 100, documents: { summary: null } });
    await pass(20);
    expect(documents.one('summary')).toBeDefined();
  });

  it('ends when the session is gone', async () => {
    line.fails = new Refusal(401, null);
    line.heard?.broken();
    await pass(600);
    expect(stream.view.state).toBe('signed_out');
    const tried = line.snapshots;
    await pass(20_000);
    expect(line.snapshots).toBe(tried);
  });
});
