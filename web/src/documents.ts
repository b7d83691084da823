/**
 * The view documents that the daemon sends (ARCHITECTURE.md, "Documents"). The pages show them and hold no procedure logic:
 * every step, verb, due time and reason comes from here.
 *
 * Times: `Wall` is UTC in ms since 1970, for records and clocks on screen. `Engine` is the daemon's own time in ms that never
 * steps, for every limit; the heartbeat carries the present value of both.
 */
export type Wall = number;
export type Engine = number;
export interface Text { zh: string; en: string }
/** A catalogue key with its arguments; src/text/catalogue.json has the words. */
export interface Line { key: string; args?: Record<string, Argument> }
/** A figure, a person's name, a catalogue key; or a name of the site in both languages. */
export type Argument = string | number | Text
/** Who did it: an account, a recipient (post or person), the panel, or the system itself. `name` is shown. */
export interface Actor { kind: 'account' | 'recipient' | 'panel' | 'system'; id: string; name: string }
export interface Stamp { by: Actor; at: Wall }

export type PointKind =
  | 'smoke' | 'heat' | 'call_point' | 'hydrant_button' | 'flow_switch' | 'pressure_switch' | 'gas' | 'supervisory'
  | 'feedback' | 'panel_key' | 'panel_silenced' | 'panel_sounders' | 'panel_mains' | 'panel_fire';
export type Quality = 'good' | 'stale' | 'unknown';

/** `site`: what the configuration says; changes only with the configuration. */
export interface SiteDoc {
  id: string; name: Text; address: string; utc_offset_minutes: number; demo: boolean;
  buildings: { id: string; name: Text; sleeping: boolean; floors: { id: string; name: Text; plan: string | null }[] }[];
  compartments: { id: string; name: Text; building: string; floor: string; zone: string }[];
  zones: { id: string; name: Text; building: string }[];
  site_plan: string | null;
  /** Building footprints and posts on the site plan, in plan units. */
  places: { kind: 'building' | 'post' | 'gate'; id: string; name: Text; x: number; y: number }[];
  recipients: { id: string; kind: 'post' | 'person'; name: string; place: Text; radio: string | null }[];
}
/** `point/{id}` */
export interface PointDoc {
  id: string; kind: PointKind; name: Text; address: string; building: string; floor: string; room: Text; compartment: string;
  x: number | null; y: number | null; bus: string;
  quality: Quality; fire: boolean; fault: boolean; disabled: boolean; test: boolean; active: boolean;
  /** Limits of a gas detector. */
  low: boolean; high: boolean;
  /** Unit of measurement, for a point that measures; its value comes as `live`. */
  unit: string | null;
  changed_at: Wall | null; latched_at: Wall | null; incident: string | null;
}
/** What a point measured last, or why it is faulty; sent as `live`, in no document and in no journal. */
export interface Live { value: number | null; trouble: Line | null; quality: Quality; at: Engine }
/** `link/{bus}` */
export interface LinkDoc { id: string; name: Text; state: 'up' | 'down' | 'unknown'; since: Wall | null; reason: Line | null; points: number; lost: LostUnit[] }
/** A unit that does not answer while others on its line do. */
export interface LostUnit { unit: number; reason: Line; since: Wall; points: number }
/** `recipient/{id}` */
export interface RecipientDoc { id: string; kind: 'post' | 'person'; name: string; place: Text; online: boolean; since: Wall | null; mqtt: boolean; http: boolean; order: string | null }
/** `summary`: the frame that every screen shows. */
export interface SummaryDoc {
  mode: 'auto' | 'manual'; mode_by: Stamp | null;
  panel_key: 'auto' | 'manual' | 'unknown';
  lamps: {
    fire: { untaken: number; total: number }; gas: number; started: number; feedback: number; delayed: number; supervisory: number;
    disabled: number; fault: number; links: { up: number; total: number };
  };
  first_alarm: Alarm | null; latest_alarm: Alarm | null;
  /** Open incidents, most urgent first. */
  incidents: string[];
  /** The most urgent alone; a gas leak has a tone of its own. */
  sound: 'fire' | 'gas' | 'fault' | null;
  mute: Stamp | null;
  posts: { online: number; total: number };
  faults: { id: string; line: Line; since: Wall | null }[];
  /** Outputs in maintenance 维护, with somebody at the device. */
  maintenance: { output: string; line: Line; since: Wall; limit: { from: Engine; due: Engine } }[];
  /** Who signed on for the shift: first and second position 值班员. `since` is the earlier of the two. */
  shift: { first: Actor | null; second: Actor | null; since: Wall | null };
  /** An incident that nobody of the room has taken in time: the second station and the phones ring. */
  room_lost: null | { since: Wall; incident: string };
  /** Where authority is, once it was taken over 接管. */
  authority: null | { station: string; by: Actor; at: Wall };
  degraded: 'no' | 'spool' | 'memory';
  /** The daemon's MQTT link; null until it is known. */
  broker_up: boolean | null;
  /** `none`: the site has no broker on purpose, and orders go over HTTP. */
  broker: 'up' | 'down' | 'unknown' | 'none';
}
export interface Alarm { incident: string; point: string | null; building: Text; floor: Text; room: Text; compartment: Text; device: Text; kind: PointKind | 'person'; at: Wall; /** By the panel's own clock, where it tells. */ panel_at?: Wall | null }
/** `recent`: the last lines of the campus, newest first. */
export interface RecentDoc { lines: TimelineLine[] }
export interface TimelineLine { seq: number; at: Wall; engine?: Engine; class: 'fire' | 'gas' | 'fault' | 'disabled' | 'order' | 'command' | 'feedback' | 'person' | 'system'; line: Line; place: Text | null; by: Actor; incident: string | null }
/** `record/{incident}`: what the printed record says besides the other documents. Steps that are missing are listed, not hidden. */
export interface RecordDoc { incident: string; seq: number; ended: boolean; missing: Line[]; cleared_over: null | { unmet: Line[]; reason: string } }
/** `timeline/{incident}`, oldest first. */
export interface TimelineDoc { incident: string; lines: TimelineLine[]; dropped: number }

export type IncidentClass = 'alarm' | 'suspected' | 'confirmed';
export type IncidentStage = 'verifying' | 'unverified' | 'false_alarm' | 'fighting' | 'restoring' | 'closed';
/** `incident/{id}` */
export interface IncidentDoc {
  id: string;
  /** A gas leak 燃气泄漏 has no class of its own (it stays `alarm`) but the limit that was reached. */
  kind: 'fire' | 'gas'; level: 'low' | 'high' | null;
  class: IncidentClass; stage: IncidentStage; opened_at: Wall; opened_engine: Engine;
  first: Alarm; signals: (Alarm & { restored_at: Wall | null })[];
  building: string; floor: string; zone: string; compartment: string; plan: string | null; sleeping: boolean;
  taken: Stamp | null;
  verdict: null | { kind: 'false' | 'real'; cause: string | null; by: Actor; at: Wall };
  /** 人工报警: who reported it and how; null when a device did. Name, number and words may be erased later: then they are absent. */
  reported: null | { by: string; phone_last4?: string; how: 'phone' | 'radio' | 'in_person' | 'guard'; text: string };
  /** 可能蔓延: the confirmed incident whose fire may have spread here. */
  spread_of: string | null;
  holder: Actor | null;
  command: {
    holder: Actor | null; acting: boolean; since: Wall | null;
    /** Offered and not answered yet. */
    offered: null | { to: Actor; limit: { from: Engine; due: Engine } };
    /** 移交消防救援机构指挥. */
    brigade: null | { name: string; at: Wall };
    /** 现场已移交本单位. */
    handed_back: Stamp | null;
  };
  /** The six groups 六组 of a confirmed fire, in the order of the handbook; empty before. */
  groups: { id: GroupId; name: Line; leader: Actor | null; deputy: boolean; order: string | null; state: OrderState | 'vacant' | 'unreachable' }[];
  /** What should be true before the all-clear 解除警情; empty until it can be given. */
  preconditions: { id: string; line: Line; met: boolean }[];
  /** In order; exactly one is `now` while the incident is open. */
  steps: Step[];
  card119: Card119 | null;
  /** Open and ended orders of this incident; the documents are order/{recipient}/{id}. */
  orders: string[];
  /** Why each post was or was not chosen, nearest first, from the latest choice. */
  choice: { recipient: string; name: string; seconds: number | null; chosen: boolean; reason: Line }[];
  linkage: LinkageRow[];
  restore: { id: string; line: Line; done: Stamp | null; person: string | null }[];
  notices: Line[];
}
export type GroupId = 'extinguish' | 'cordon' | 'evacuate' | 'rescue' | 'equipment' | 'reserve';
export type StepState = 'done' | 'now' | 'running' | 'late' | 'later' | 'skipped';
export interface Step {
  id: 'locate' | 'take' | 'verify' | 'verdict' | 'call119' | 'report' | 'linkage' | 'groups' | 'stop_sounders' | 'reset' | 'all_clear' | 'restore' | 'close'
    | 'evacuated' | 'gas_company' | 'cordon' | 'power_outside' | 'people_report' | 'readings' | 'start_offer';
  line: Line; state: StepState; who: Actor | null; at: Wall | null;
  /** A limit that runs: started and due in engine time. */
  limit: { from: Engine; due: Engine } | null;
  facts: Line[];
  verbs: VerbDoc[];
}
/** A verb that this step offers: POST {path} with an Idempotency-Key and `body` plus what the person chose. */
export interface VerbDoc {
  verb: string; path: string; line: Line; hold_ms: number; tone: 'act' | 'plain' | 'fire';
  key: string | null;
  body: Record<string, unknown>;
  /** One choice the person must make first; the chosen value goes into the body under `field`. */
  choice: null | { field: string; options: { value: string; line: Line }[] };
  /** What the person fills in besides; each value goes into the body under `field`. `body` already holds what is prefilled. */
  fields?: FieldDoc[];
  /** It weakens protection: the daemon asks for the password again when it was given too long ago. */
  step_up?: boolean;
}
export interface FieldDoc { field: string; line: Line; kind: 'text' | 'number' | 'select'; options?: { value: string; line: Line }[]; required: boolean }
export interface Card119 { unit: string; address: string; place: Text; burning: Line; size: Line; trapped: Line; hazards: Text; gate: Text; caller: string; phone: string; outcome: null | { kind: 'connected' | 'failed' | 'not_called'; by: Actor; at: Wall };
  /** Every call and decision on this card, oldest first; further calls 续报 too. */
  calls: { kind: 'connected' | 'failed' | 'not_called' | 'follow_up' | 'called_off'; by: Actor; at: Wall; used: Line | null; text: string }[];
  /** Other places of the building in the same entry 续报. */
  also: Text[] }
export type CommandState = 'idle' | 'waiting' | 'deferred' | 'asked' | 'sending' | 'sent' | 'done' | 'no_feedback' | 'refused' | 'unknown' | 'expired';
export interface LinkageRow { output: string; waits_for: string | null; state: CommandState; asked_at: Wall | null; sent_at: Wall | null; done_at: Wall | null; limit: { from: Engine; due: Engine } | null; by_hand: Actor | null;
  /** 待人工: no rule cuts this feeder. `person` is who decides, `verbs` the start while nobody has. */
  deferred: boolean; person: Actor | null; verbs: VerbDoc[] }
/** `output/{id}` */
export interface OutputDoc {
  id: string; kind: string; name: Text; building: string; zone: string | null; arming: 'observe' | 'assist' | 'auto'; master: 'panel' | 'fengsui';
  /** No rule cuts it: it waits for a person's start 待人工. */
  deferred: boolean;
  address: string; feedback: string | null; feedback_active: boolean | null; quality: Quality;
  state: CommandState; command: string | null; asked_at: Wall | null; sent_at: Wall | null; done_at: Wall | null;
  limit: { from: Engine; due: Engine } | null; refused: Line | null; incident: string | null;
  /** Who began its maintenance 维护 and why, who is at the device, until when. */
  maintenance: null | { by: Actor; at: Wall; person: Actor; reason: string | null; limit: { from: Engine; due: Engine } };
  verbs: VerbDoc[];
}
export type OrderState = 'queued' | 'at_broker' | 'received' | 'accepted' | 'arrived' | 'done' | 'declined' | 'withdrawn' | 'expired';
/** `order/{recipient}/{id}`; over MQTT the same document under the same topic, retained while open. */
export interface OrderDoc {
  v: 1; id: string; at: Wall; seq: number; incident: string; incident_kind: 'fire' | 'gas'; kind: 'verify' | 'report' | 'group' | 'command' | 'support' | 'by_hand' | 'watch'; group: GroupId | null;
  recipient: string; recipient_name: string; state: OrderState; open: boolean;
  /** The way by which the recipient's device got it, or by which it goes now; null when it ended before anybody had it. */
  via: 'mqtt' | 'http' | null;
  title: Text; place: Text; room: Text; device: Text; body: Text; alarm_at: Wall; confirmed: boolean;
  plan: string | null; x: number | null; y: number | null;
  walk: { metres: number; seconds: number; via: Text } | null;
  limits: { receive: Engine; accept: Engine; arrive: Engine | null; issued: Engine };
  accepted_at: Wall | null; arrived_at: Wall | null; done_at: Wall | null;
  outcome: string | null;
  /** Answers that the room entered for a named person 代录. */
  recorded: { verb: string; channel: 'radio' | 'phone' | 'in_person'; person: string; by: Actor; at: Wall }[];
  /** Reply ids that are committed. A reply is done for its sender only when it stands here. */
  heard: string[];
  /** What the recipient may answer now. */
  replies: { verb: 'accept' | 'arrive' | 'report_false' | 'report_real' | 'unable' | 'done' | 'lift_clear' | 'fire_out' | 'head_count' | 'casualties'; line: Line; fields?: FieldDoc[]; choice: null | { field: 'cause' | 'reason'; options: { value: string; line: Line }[] } }[];
}

/** GET /api/v1/state and the stream's `resync`. */
export interface Snapshot { journal_id: string; seq: number; engine: Engine; wall: Wall; documents: Record<string, unknown> }
/**
 * Stream: `event: entry`, id = seq. A null document is gone. Numbers may jump: an entry fits when `after` is not greater than the
 * seq that is held and `seq` is; one whose `after` is greater means that something is missing, and /state must be taken again.
 */
export interface StreamEntry { seq: number; after: number; documents: Record<string, unknown | null> }
/** Stream: `event: heartbeat`, every 2 s, without id. */
export interface Heartbeat { engine: Engine; wall: Wall; seq: number; build: string; incidents: number }
/** GET /api/v1/incidents/{id}/record: the documents of an incident with the journal's last entry and its hash. */
export interface IncidentRecord { journal: { id: string; seq: number; hash: string }; wall: Wall; engine: Engine; made_for: string; incident: IncidentDoc; record: RecordDoc; timeline: TimelineDoc; orders: Record<string, OrderDoc>; outputs: Record<string, OutputDoc> }
/** RFC 9457 problem details. */
export interface Problem { type: string; title: string; status: number; code: string; detail: Text; settled_by?: Actor; settled_at?: Wall; how?: string }
/** GET /api/v1/me */
export interface Me { account: string; name: string; role: 'viewer' | 'school' | 'guard' | 'clerk' | 'operator' | 'foreman' | 'supervisor' | 'director' | 'engineer'; recipient: string | null; csrf: string }
