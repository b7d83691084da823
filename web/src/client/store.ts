/**
 * The documents that the daemon sent, as the page may read them: a snapshot, then one entry after the other. Documents are
 * replaced whole and never changed here. Kept by kind, so that a change of one kind redraws only what shows that kind.
 */
import { shallowReactive, shallowRef } from 'vue';
import type {
  IncidentDoc, LinkDoc, Live, OrderDoc, OutputDoc, PointDoc, RecentDoc, RecipientDoc, SiteDoc, Snapshot, StreamEntry, SummaryDoc,
  TimelineDoc,
} from '../documents';

interface Kinds {
  point: PointDoc; link: LinkDoc; recipient: RecipientDoc; incident: IncidentDoc; timeline: TimelineDoc; output: OutputDoc;
  order: OrderDoc; summary: SummaryDoc; site: SiteDoc; recent: RecentDoc;
}
export type Kind = keyof Kinds;
const KINDS: Kind[] = ['point', 'link', 'recipient', 'incident', 'timeline', 'output', 'order', 'summary', 'site', 'recent'];

/** `order/post2/F-…-1` is of kind `order`, id `post2/F-…-1`; `summary` has the empty id. */
function parts(key: string): [Kind | null, string] {
  const cut = key.indexOf('/');
  const kind = cut < 0 ? key : key.slice(0, cut);
  return [(KINDS as string[]).includes(kind) ? (kind as Kind) : null, cut < 0 ? '' : key.slice(cut + 1)];
}

export class Documents {
  private readonly kinds = new Map<Kind, Map<string, unknown>>(KINDS.map((kind) => [kind, shallowReactive(new Map())]));
  readonly journal = shallowRef('');
  /** What points measured last. Their age is shown with them, so an old one is never taken for a new one. */
  readonly live: Map<string, Live> = shallowReactive(new Map<string, Live>());
  /** The last entry that is in the documents. */
  seq = -1;

  of<K extends Kind>(kind: K): Map<string, Kinds[K]> {
    return this.kinds.get(kind) as Map<string, Kinds[K]>;
  }

  one<K extends 'summary' | 'site' | 'recent'>(kind: K): Kinds[K] | undefined {
    return this.of(kind).get('');
  }

  /** Takes a snapshot: what it does not name is gone. */
  take(snapshot: Snapshot): void {
    for (const [kind, held] of this.kinds) {
      for (const id of [...held.keys()]) {
        if (!(`${kind}${id === '' ? '' : '/'}${id}` in snapshot.documents)) held.delete(id);
      }
    }
    this.put(snapshot.documents);
    this.seq = snapshot.seq;
    this.journal.value = snapshot.journal_id;
  }

  /** Applies an entry. One that is in the documents already is `old`; a `gap` means that something is missing before it. */
  apply(entry: StreamEntry): 'applied' | 'old' | 'gap' {
    if (entry.seq <= this.seq) return 'old';
    if (entry.after > this.seq) return 'gap';
    this.put(entry.documents);
    this.seq = entry.seq;
    return 'applied';
  }

  /** Takes values that are in no document. */
  measured(values: Record<string, Live>): void {
    for (const [id, live] of Object.entries(values)) this.live.set(id, live);
  }

  clear(): void {
    for (const held of this.kinds.values()) held.clear();
    this.live.clear();
    this.seq = -1;
  }

  private put(documents: Record<string, unknown>): void {
    for (const [key, document] of Object.entries(documents)) {
      const [kind, id] = parts(key);
      if (!kind) continue;
      const held = this.kinds.get(kind);
      if (document === null) held?.delete(id);
      else held?.set(id, document);
    }
  }
}

/** The documents of this page. */
export const documents = new Documents();
