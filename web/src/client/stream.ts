/**
 * The line to the daemon: a snapshot, then the stream, and a watch over both. No message for five seconds means stale:
 * the page says so and never shows an old "normal" as if it were new. Every reconnection takes the snapshot again.
 *
 * The browser's EventSource never tries again after an HTTP error, and does not notice a dead line: both are done here.
 */
import { shallowReactive } from 'vue';
import type { Heartbeat, Live, Snapshot, StreamEntry } from '../documents';
import { API, getState, pageQuery, Refusal } from './api';
import { setClock } from './clock';
import { documents, type Documents } from './store';

export const STALE_AFTER_MS = 5_000;
const BACK_OFF_MS = [500, 1_000, 2_000];
const LOOK_MS = 250;

export interface Source { close(): void }
export interface Heard {
  entry(entry: StreamEntry): void;
  heartbeat(heartbeat: Heartbeat): void;
  values(values: Record<string, Live>): void;
  resync(): void;
  broken(): void;
}
export interface Line {
  snapshot(): Promise<Snapshot>;
  open(since: number, heard: Heard): Source;
}

/** `live`, `stale` (no message for five seconds), `starting` (nothing received yet), `signed_out`. */
export type LinkState = 'starting' | 'live' | 'stale' | 'signed_out';

export class Stream {
  readonly view = shallowReactive({ state: 'starting' as LinkState, heardAt: 0, build: '', resyncs: 0 });
  private source: Source | null = null;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private queue: StreamEntry[] = [];
  private frame: ReturnType<typeof setTimeout> | undefined;
  private behind = 0;
  private generation = 0;

  constructor(
    private readonly store: Documents,
    private readonly line: Line,
  ) {}

  start(): void {
    this.stop();
    this.view.state = 'starting';
    this.view.heardAt = performance.now();
    this.watch = setInterval(() => this.look(), LOOK_MS);
    void this.connect();
  }

  stop(): void {
    this.generation += 1;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    clearTimeout(this.frame);
    this.frame = undefined;
    this.queue = [];
    this.source?.close();
    this.source = null;
  }

  private async connect(): Promise<void> {
    const generation = ++this.generation;
    this.source?.close();
    this.source = null;
    this.queue = [];
    try {
      const snapshot = await this.line.snapshot();
      if (generation !== this.generation) return;
      this.store.take(snapshot);
      setClock(snapshot.engine, snapshot.wall);
      this.heard();
      this.source = this.line.open(snapshot.seq, {
        entry: (entry) => generation === this.generation && this.onEntry(entry),
        heartbeat: (beat) => generation === this.generation && this.onHeartbeat(beat),
        values: (values) => generation === this.generation && this.store.measured(values),
        resync: () => generation === this.generation && this.again(0),
        broken: () => generation === this.generation && this.again(this.backOff()),
      });
    } catch (failed) {
      if (generation !== this.generation) return;
      if (failed instanceof Refusal && failed.status === 401) {
        this.stop();
        this.view.state = 'signed_out';
        return;
      }
      this.again(this.backOff());
    }
  }

  private backOff(): number {
    const wait = BACK_OFF_MS[Math.min(this.attempt, BACK_OFF_MS.length - 1)] ?? 2_000;
    this.attempt += 1;
    return wait;
  }

  /** Takes a new snapshot after a while. */
  private again(wait: number): void {
    this.generation += 1;
    this.source?.close();
    this.source = null;
    this.view.resyncs += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.connect(), wait);
  }

  private heard(): void {
    this.view.heardAt = performance.now();
    this.view.state = 'live';
  }

  /** Entries wait for the next frame, so that a flood draws once; a new incident never waits. */
  private onEntry(entry: StreamEntry): void {
    this.heard();
    this.queue.push(entry);
    const opens = Object.keys(entry.documents).some(
      (key) => key.startsWith('incident/') && !this.store.of('incident').has(key.slice('incident/'.length)),
    );
    if (opens) this.flush();
    else this.frame ??= setTimeout(() => this.flush(), 16);
  }

  private flush(): void {
    clearTimeout(this.frame);
    this.frame = undefined;
    const waiting = this.queue;
    this.queue = [];
    for (const entry of waiting) {
      if (this.store.apply(entry) !== 'gap') continue;
      this.again(0);
      return;
    }
  }

  /** The heartbeat says how far the daemon is and how many incidents it holds; a page that lags twice starts anew. */
  private onHeartbeat(beat: Heartbeat): void {
    this.heard();
    this.attempt = 0;
    this.view.build = beat.build;
    setClock(beat.engine, beat.wall);
    this.flush();
    const shown = this.store.one('summary')?.incidents.length ?? 0;
    const equal = shown === beat.incidents && beat.seq <= this.store.seq;
    this.behind = equal ? 0 : this.behind + 1;
    if (this.behind >= 2) {
      this.behind = 0;
      this.again(0);
    }
  }

  private look(): void {
    if (performance.now() - this.view.heardAt <= STALE_AFTER_MS) return;
    if (this.view.state === 'live' || this.view.state === 'starting') this.view.state = 'stale';
    // A dead line gives no error: drop it. `again` has its own timer when a reconnection is under way.
    if (this.source) this.again(this.backOff());
  }
}

let asDevice = false;

/** This page is a recipient's device: while its stream is open the daemon takes the recipient for reachable. */
export function followAsDevice(): void {
  asDevice = true;
}

const live: Line = {
  snapshot: getState,
  open(since, heard) {
    const source = new EventSource(`${API}/stream?since=${since}${asDevice ? '&device=true' : ''}${pageQuery()}`);
    const data = (event: MessageEvent) => JSON.parse(String(event.data)) as unknown;
    source.addEventListener('entry', (event) => heard.entry(data(event) as StreamEntry));
    source.addEventListener('heartbeat', (event) => heard.heartbeat(data(event) as Heartbeat));
    source.addEventListener('live', (event) => heard.values(data(event) as Record<string, Live>));
    source.addEventListener('resync', () => heard.resync());
    source.onerror = () => heard.broken();
    return source;
  },
};

/** The stream of this page. */
export const stream = new Stream(documents, live);
