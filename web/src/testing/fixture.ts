/**
 * Documents of the demo campus for tests and for looking at the pages without a daemon: at rest, in the first seconds of an
 * alarm, in a confirmed fire, and with three incidents open. Device places come from tests/campus/points.csv.
 */
import { readFileSync } from 'node:fs';
import type {
  Actor, Alarm, CommandState, IncidentDoc, LinkageRow, OrderDoc, OutputDoc, PointDoc, PointKind, SiteDoc, Snapshot, Step, SummaryDoc, Text,
  TimelineLine, VerbDoc,
} from '../documents';

export type Scene = 'idle' | 'alarm' | 'taken' | 'fire' | 'three' | 'four' | 'gas' | 'command' | 'false' | 'restoring';
export const WALL = Date.UTC(2026, 10, 25, 13, 5, 29);
export const ENGINE = 5_000_000;
const both = (zh: string, en: string): Text => ({ zh, en });
const system: Actor = { kind: 'system', id: 'system', name: '系统' };
const operator: Actor = { kind: 'account', id: 'operator', name: '张伟' };
const recipient = (id: string, name: string): Actor => ({ kind: 'recipient', id, name });
const ago = (seconds: number) => WALL - seconds * 1000;

function points(): PointDoc[] {
  const rows = readFileSync(new URL('../../../tests/campus/points.csv', import.meta.url), 'utf8').trim().split('\n').slice(1);
  const read = rows.map((row): PointDoc => {
    const cell = [...row.matchAll(/("(?:[^"]*)"|[^,]*)(?:,|$)/g)].map((match) => (match[1] ?? '').replaceAll('"', ''));
    const [id = '', kind = '', zh = '', en = '', building = '', floor = '', roomZh = '', roomEn = '', compartment = '', x, y] = cell;
    return {
      id, kind: kind as PointKind, name: both(zh, en), address: `panel1/devices/${cell[15]}`, building, floor, room: both(roomZh, roomEn), compartment,
      x: x ? Number(x) : null, y: y ? Number(y) : null, bus: cell[12] ?? '', quality: 'good', fire: false, fault: false, disabled: false, test: false,
      active: false, low: false, high: false, unit: null, changed_at: ago(3600), latched_at: null, incident: null,
    };
  });
  const near = read.find((point) => point.id === 'P1-034') as PointDoc;
  return [...read, { ...near, id: 'P1-G01', kind: 'gas', name: both('可燃气体 1-G01', 'Gas 1-G01'), x: 850, y: 120 }];
}

const site: SiteDoc = {
  id: 'lin', name: both('临江学院东校区', 'Linjiang College East Campus'), address: '滨江大道 288 号', utc_offset_minutes: 480, demo: true,
  buildings: [
    { id: 'D1', name: both('1号宿舍', 'Dormitory 1'), sleeping: true, floors: [{ id: 'D1-2F', name: both('2层', '2F'), plan: 'd1-2f.svg' }] },
    { id: 'C1', name: both('第一食堂', 'Canteen 1'), sleeping: false, floors: [{ id: 'C1-1F', name: both('1层', '1F'), plan: 'c1-1f.svg' }] },
  ],
  compartments: [
    { id: 'D1-2A', name: both('2层西区', '2F west'), building: 'D1', floor: 'D1-2F', zone: 'D1-2' },
    { id: 'D1-2B', name: both('2层东区', '2F east'), building: 'D1', floor: 'D1-2F', zone: 'D1-2' },
    { id: 'C1-1D', name: both('餐厅', 'Dining hall'), building: 'C1', floor: 'C1-1F', zone: 'C1-1' },
    { id: 'C1-1K', name: both('厨房', 'Kitchen'), building: 'C1', floor: 'C1-1F', zone: 'C1-1' },
  ],
  zones: [{ id: 'D1-2', name: both('1号宿舍2层', 'Dormitory 1, 2F'), building: 'D1' }, { id: 'C1-1', name: both('第一食堂1层', 'Canteen 1, 1F'), building: 'C1' }],
  site_plan: 'site.svg',
  places: [
    { kind: 'building', id: 'D1', name: both('1号宿舍', 'Dormitory 1'), x: 184, y: 145 },
    { kind: 'building', id: 'C1', name: both('第一食堂', 'Canteen 1'), x: 204, y: 322 },
    { kind: 'post', id: 'post1', name: both('岗1 刘洋', '岗1 刘洋'), x: 548, y: 468 },
    { kind: 'post', id: 'post2', name: both('岗2 王强', '岗2 王强'), x: 372, y: 232 },
    { kind: 'post', id: 'post3', name: both('岗3 何军', '岗3 何军'), x: 214, y: 378 },
  ],
  recipients: [
    { id: 'post1', kind: 'post', name: '岗1 刘洋', place: both('南门', 'South gate'), radio: '1频道' },
    { id: 'post2', kind: 'post', name: '岗2 王强', place: both('宿舍区', 'Dormitories'), radio: '2频道' },
    { id: 'post3', kind: 'post', name: '岗3 何军', place: both('食堂', 'Canteen'), radio: '3频道' },
    { id: 'duty-lead', kind: 'person', name: '周敏 安管领班', place: both('消防控制室', 'Control room'), radio: '分机 8001' },
    { id: 'director', kind: 'person', name: '陈建国 项目主任', place: both('管理处', 'Site office'), radio: '分机 8000' },
    { id: 'warden', kind: 'person', name: '孙磊 宿管', place: both('1号宿舍值班室', 'Dormitory 1 desk'), radio: '分机 8021' },
    { id: 'chief-eng', kind: 'person', name: '赵国栋 工程主管', place: both('工程部', 'Engineering'), radio: '分机 8010' },
  ],
};

const OUTPUTS: [string, string, string, string, string | null][] = [
  ['D1-SOUNDER', 'sounder', '1号宿舍声光警报', 'Dormitory 1 sounders', 'D1'], ['D1-DOORS', 'door_release', '1号宿舍门禁释放', 'Dormitory 1 door release', 'D1'],
  ['D1-LIFT', 'elevator_recall', '1号宿舍电梯迫降', 'Dormitory 1 lift recall', 'D1'], ['GAS-VALVE', 'gas_close', '燃气总阀关闭', 'Main gas valve', null],
  ['HYDRANT-PUMP', 'pump_start', '消火栓泵启动', 'Hydrant pump', null], ['D1-FEEDER', 'feeder_trip', '1号宿舍2层非消防电源', 'Dormitory 1, 2F non-fire supply', 'D1'],
  ['D1-LIFT-FEEDER', 'feeder_trip', '1号宿舍电梯电源', 'Dormitory 1 lift supply', 'D1'], ['C1-SOUNDER', 'sounder', '第一食堂声光警报', 'Canteen 1 sounders', 'C1'],
  ['C1-EXHAUST', 'exhaust_fan', '第一食堂事故排风', 'Canteen 1 exhaust fan', 'C1'], ['C1-DOORS', 'door_release', '第一食堂门禁释放', 'Canteen 1 door release', 'C1'], ['C1-FEEDER', 'feeder_trip', '第一食堂非消防电源', 'Canteen 1 non-fire supply', 'C1'],
];
const RUNS: Partial<Record<string, [CommandState, number | null, number | null]>> = {
  'D1-SOUNDER': ['done', 33, 32], 'D1-DOORS': ['done', 33, 31.6], 'D1-LIFT': ['sent', 33, null], 'GAS-VALVE': ['no_feedback', 32, null],
  'HYDRANT-PUMP': ['sent', 26, null], 'D1-FEEDER': ['done', 33, 31.8],
};

function verb(name: string, path: string, how: Partial<VerbDoc> = {}): VerbDoc {
  return { verb: name, path, line: { key: `verb.${name}` }, hold_ms: 0, tone: 'plain', key: null, body: {}, choice: null, ...how };
}

function output([id, kind, zh, en, building]: (typeof OUTPUTS)[number], burning: boolean): OutputDoc {
  const [state, sent, done] = (burning && RUNS[id]) || (['idle', null, null] as const);
  const at = (seconds: number | null) => (seconds === null ? null : ago(seconds));
  const waits = state === 'sent' ? { from: ENGINE - (sent ?? 0) * 1000, due: ENGINE - (sent ?? 0) * 1000 + (id === 'D1-LIFT' ? 60_000 : 120_000) } : null;
  return {
    id, kind, name: both(zh, en), building: building ?? '', zone: null, arming: 'auto', master: 'fengsui', deferred: false, address: 'io1 1 coil 3', feedback: `${id}-FB`,
    feedback_active: state === 'done', quality: 'good', state, command: null, asked_at: at(sent), sent_at: at(sent), done_at: at(done), limit: waits,
    refused: null, incident: null, maintenance: null, verbs: [verb('start', `/api/v1/outputs/${id}/start`, { line: { key: `verb.start.${kind}` }, hold_ms: 1500, tone: 'act' })],
  };
}

const RESTORE: [string, string, boolean][] = [
  ['D1-SOUNDER', 'restore.sounder', true], ['D1-DOORS', 'restore.door_release', true], ['D1-LIFT', 'restore.elevator_recall', false], ['GAS-VALVE', 'restore.gas_close', false],
  ['HYDRANT-PUMP', 'restore.pump_start', false], ['D1-FEEDER', 'restore.feeder_trip', false], ['panel', 'restore.panel', false],
];
const CAUSES = ['cooking', 'smoking', 'steam', 'dust', 'contractor', 'device_fault', 'water', 'prank', 'unknown'];

const GROUPS: IncidentDoc['groups'] = [
  { id: 'extinguish', name: { key: 'group.extinguish.name' }, leader: recipient('post1', '岗1 刘洋'), deputy: false, order: '6', state: 'arrived' },
  { id: 'cordon', name: { key: 'group.cordon.name' }, leader: recipient('duty-lead', '周敏 安管领班'), deputy: false, order: '7', state: 'accepted' },
  { id: 'evacuate', name: { key: 'group.evacuate.name' }, leader: recipient('warden', '孙磊 宿管'), deputy: true, order: '3', state: 'accepted' },
  { id: 'rescue', name: { key: 'group.rescue.name' }, leader: recipient('post3', '岗3 何军'), deputy: false, order: '8', state: 'received' },
  { id: 'equipment', name: { key: 'group.equipment.name' }, leader: recipient('chief-eng', '赵国栋 工程主管'), deputy: false, order: null, state: 'unreachable' },
  { id: 'reserve', name: { key: 'group.reserve.name' }, leader: null, deputy: false, order: null, state: 'vacant' },
];
const PRECONDITIONS: IncidentDoc['preconditions'] = ['call_119', 'scene', 'extinguished', 'head_count', 'injured', 'others', 'watch'].map((id, index) => ({ id, line: { key: `clear.${id}` }, met: index % 3 === 0 }));

interface Given { kind?: 'gas'; spread?: string; stage?: IncidentDoc['stage']; id: string; pointIds: string[]; since: number; taken: boolean; class: IncidentDoc['class']; all: Map<string, PointDoc> }

function alarmOf(given: Given, pointId: string, index: number): Alarm & { restored_at: null } {
  const point = given.all.get(pointId) as PointDoc;
  const building = site.buildings.find((item) => item.id === point.building) as SiteDoc['buildings'][number];
  const at = ago(given.since - index * 74);
  Object.assign(point, { fire: given.kind !== 'gas', high: given.kind === 'gas', active: true, latched_at: at, changed_at: at, incident: given.id });
  const compartment = site.compartments.find((item) => item.id === point.compartment);
  return {
    incident: given.id, point: pointId, building: building.name, floor: building.floors[0]?.name ?? both('', ''), room: point.room,
    compartment: compartment?.name ?? both('', ''), device: point.name, kind: point.kind, at, restored_at: null,
  };
}

function step(id: Step['id'], state: Step['state'], more: Partial<Step> = {}): Step {
  return { id, line: { key: `step.${id}` }, state, who: null, at: null, limit: null, facts: [], verbs: [], ...more };
}

type Of = (name: string, how?: Partial<VerbDoc>) => VerbDoc;
const number = (field: string) => ({ field, line: { key: `field.${field}` }, kind: 'number' as const, required: true });
const people = () => site.recipients.map(({ id, name }) => ({ value: id, line: { key: 'fact.name', args: { name } } }));
const channel = (required: boolean) => ({ field: 'channel', line: { key: 'field.channel' }, kind: 'select' as const, required, options: ['radio', 'phone', 'in_person'].map((value) => ({ value, line: { key: `how.${value}` } })) });
const board = (of: Of): VerbDoc[] => [
  of('fire_out'), of('head_count', { fields: [number('present'), number('missing')] }), of('casualties', { fields: [number('count'), number('accounted')] }),
  of('offer_command', { choice: { field: 'to', options: people() }, fields: [channel(false)] }), of('take_command'), of('brigade_command', { fields: [{ field: 'name', line: { key: 'field.name' }, kind: 'text', required: true }] }),
];
function recordOf(incident: string, order: string, of: Of): VerbDoc[] {
  const body = { order: `${incident}-${order}`, person: 'warden', channel: 'radio' };
  const fields = [channel(true), { field: 'person', line: { key: 'field.person' }, kind: 'select' as const, required: false, options: people() }];
  const options = ['accept', 'arrive', 'done', 'unable'].map((value) => ({ value, line: { key: `reply.${value}` } }));
  return [of('record_reply', { body, choice: { field: 'verb', options }, fields }), of('record_reply', { line: { key: 'verb.record_head_count' }, body: { ...body, verb: 'head_count' }, fields: [number('present'), number('missing'), ...fields] })];
}

function stepsOf(given: Given): Step[] {
  const of = (name: string, how: Partial<VerbDoc> = {}) => verb(name, `/api/v1/incidents/${given.id}/${name}`, how);
  const opened = ENGINE - given.since * 1000;
  const options = ['post1', 'post2', 'post3'].map((id) => ({ value: id, line: { key: 'fact.name', args: { name: site.recipients.find((item) => item.id === id)?.name ?? id } } }));
  const choice = { field: 'cause', options: CAUSES.map((cause) => ({ value: cause, line: { key: `cause.${cause}` } })) };
  const dispatch = of('dispatch', { key: 'F7', choice: { field: 'recipient', options } });
  const walking = [{ key: 'fact.order.accepted', args: { recipient: '岗2 王强', seconds: 86, metres: 105 } }];
  const real = of('confirm_fire', { hold_ms: 1500, tone: 'fire' });
  const locate = step('locate', 'done', { who: system, at: ago(given.since) });
  if (given.kind === 'gas') {
    return [
      locate,
      given.taken ? step('take', 'done', { who: operator, at: ago(given.since - 9) }) : step('take', 'now', { limit: { from: opened, due: opened + 30_000 }, verbs: [of('take', { tone: 'act', key: 'F2' })] }),
      step('verify', 'running', { who: recipient('post3', '岗3 何军'), facts: walking, verbs: [dispatch] }),
      step('linkage', 'running', { facts: [{ key: 'fact.linkage', args: { done: 1, total: 2, failed: 0 } }] }),
      step('call119', given.taken ? 'now' : 'later', { limit: { from: opened, due: opened + 120_000 }, verbs: [of('call_119', { tone: 'act', key: 'F8', body: { connected: true } })] }),
      step('verdict', 'later', { facts: [{ key: 'fact.false_needs_scene' }], verbs: [real, of('judge_false', { choice })] }),
    ];
  }
  if (given.stage === 'false_alarm') {
    return [
      locate,
      step('take', 'done', { who: operator, at: ago(given.since - 9) }),
      step('verify', 'done', { who: recipient('post2', '岗2 王强'), facts: [{ key: 'fact.order.done', args: { recipient: '岗2 王强' } }] }),
      step('verdict', 'done', { who: recipient('post2', '岗2 王强'), at: ago(12), facts: [{ key: 'cause.steam' }], verbs: [real] }),
      step('stop_sounders', 'now', { facts: [{ key: 'fact.sounders_on' }], verbs: [of('stop_sounders', { tone: 'act' })] }),
      step('reset', 'later', { facts: [{ key: 'fact.reset_checks_detector' }], verbs: [of('reset', { hold_ms: 1500, tone: 'act' })] }),
    ];
  }
  if (given.class !== 'confirmed') {
    return [
      locate,
      given.taken ? step('take', 'done', { who: operator, at: ago(given.since - 9) }) : step('take', 'now', { limit: { from: opened, due: opened + 30_000 }, verbs: [of('take', { tone: 'act', key: 'F2' })] }),
      step('verify', 'running', { who: recipient('post2', '岗2 王强'), facts: walking, limit: { from: opened, due: opened + 300_000 }, verbs: [dispatch] }),
      step('verdict', given.taken ? 'now' : 'later', { facts: [{ key: 'fact.false_needs_scene' }], verbs: [real, of('judge_false', { choice })] }),
    ];
  }
  if (given.stage === 'restoring') {
    const done = (id: Step['id'], name: string) => step(id, 'done', { who: recipient('director', name), at: ago(60) });
    const items = RESTORE.filter(([, , ticked]) => !ticked).map(([id]) => ({ value: id, line: { key: 'fact.name', args: { name: id } } }));
    return [
      locate, ...(['take', 'verify', 'verdict', 'call119', 'report', 'linkage', 'groups', 'all_clear'] as const).map((id) => done(id, '陈建国 项目主任')),
      step('restore', 'now', { facts: [{ key: 'fact.restored', args: { done: 2, total: RESTORE.length } }], verbs: [of('restore', { tone: 'act', choice: { field: 'item', options: items } }), of('stop_sounders'), of('reset', { hold_ms: 1500 })] }),
    ];
  }
  const call = { from: ENGINE - 34_000, due: ENGINE + 56_000 };
  return [
    locate,
    step('take', 'done', { who: operator, at: ago(given.since - 9) }),
    step('verify', 'done', { who: recipient('post2', '岗2 王强'), facts: [{ key: 'fact.order.done', args: { recipient: '岗2 王强' } }] }),
    step('verdict', 'done', { who: recipient('post2', '岗2 王强'), at: ago(34), facts: [{ key: 'fact.real_fire' }] }),
    step('call119', 'now', { limit: call, verbs: [of('call_119', { tone: 'act', key: 'F8', body: { connected: true } }), of('call_119', { line: { key: 'verb.call_119_failed' }, body: { connected: false } })] }),
    step('report', 'done', { at: ago(21), facts: [{ key: 'fact.order.accepted', args: { recipient: '陈建国 项目主任' } }] }),
    step('linkage', 'late', { facts: [{ key: 'fact.linkage', args: { done: 3, total: 7, failed: 1 } }] }),
    step('groups', 'running', { facts: [{ key: 'fact.order.accepted', args: { recipient: '孙磊 宿管' } }], verbs: ['3', '8'].flatMap((number) => recordOf(given.id, number, of)) }),
    step('all_clear', 'later', { who: recipient('director', '陈建国 项目主任'), facts: [{ key: 'fact.only_the_holder' }], verbs: [of('all_clear', { hold_ms: 1500, tone: 'act' }), of('all_clear', { hold_ms: 1500, line: { key: 'verb.all_clear_over' }, body: { over: true }, fields: [{ field: 'reason', line: { key: 'field.reason' }, kind: 'text', required: true }] }), ...board(of)] }),
    step('restore', 'later', { facts: [{ key: 'fact.restored', args: { done: 0, total: 7 } }] }),
  ];
}

function order(given: Given, id: string, to: string, kind: OrderDoc['kind'], state: OrderDoc['state'], issued: number): OrderDoc {
  const who = site.recipients.find((item) => item.id === to);
  const titles = { verify: both('火警核实', 'Verify a fire alarm'), report: both('火警确认报告', 'Confirmed fire'), group: both('疏散组指令', 'Evacuation group order'), by_hand: both('就地操作', 'Operate by hand'), support: both('支援', 'Support'), command: both('接过指挥权', 'Take command'), watch: both('看守复燃', 'Watch for re-ignition') };
  const from = ENGINE - issued * 1000;
  return {
    v: 1, id, at: ago(issued), seq: 10, incident: given.id, incident_kind: given.kind ?? 'fire', kind, group: kind === 'group' ? 'evacuate' : null, recipient: to, recipient_name: who?.name ?? to, state, via: 'mqtt', open: !['done', 'declined', 'withdrawn', 'expired'].includes(state),
    title: titles[kind], place: both('1号宿舍 2层 215室', 'Dormitory 1, 2F, Room 215'), room: both('215室', 'Room 215'), device: both('感烟 1-015', 'Smoke 1-015'), body: both('', ''),
    alarm_at: ago(given.since), confirmed: given.class === 'confirmed', plan: 'd1-2f.svg', x: null, y: null, walk: kind === 'verify' ? { metres: 105, seconds: 86, via: both('东楼梯', 'East stair') } : null,
    limits: { issued: from, receive: from + 15_000, accept: from + 30_000, arrive: from + 180_000 }, accepted_at: null, arrived_at: null, done_at: null, outcome: null, recorded: [], heard: [], replies: [],
  };
}

function incidentOf(given: Given, orders: OrderDoc[]): IncidentDoc {
  const signals = given.pointIds.map((id, index) => alarmOf(given, id, index));
  const first = signals[0] as Alarm;
  const point = given.all.get(given.pointIds[0] as string) as PointDoc;
  const burning = given.class === 'confirmed';
  const driven = given.kind === 'gas' ? OUTPUTS.filter(([, kind]) => kind === 'gas_close' || kind === 'exhaust_fan') : OUTPUTS.slice(0, 7);
  const rows: LinkageRow[] = driven.map(([output]) => {
    const [state, sent, done] = RUNS[output] ?? (['waiting', null, null] as const);
    const at = (seconds: number | null) => (seconds === null ? null : ago(seconds));
    const limit = state === 'sent' ? { from: ENGINE - (sent ?? 0) * 1000, due: ENGINE - (sent ?? 0) * 1000 + (output === 'D1-LIFT' ? 60_000 : 120_000) } : null;
    return { output, waits_for: output === 'D1-LIFT-FEEDER' ? 'D1-LIFT' : null, state, asked_at: at(sent), sent_at: at(sent), done_at: at(done), limit, by_hand: state === 'no_feedback' ? recipient('chief-eng', '赵国栋 工程主管') : null, deferred: false, person: null, verbs: [] };
  });
  return {
    id: given.id, kind: given.kind ?? 'fire', level: given.kind === 'gas' ? 'high' : null, reported: null, spread_of: given.spread ?? null, groups: burning ? GROUPS.map((row) => ({ ...row, order: row.order === null ? null : `${given.id}-${row.order}` })) : [], preconditions: burning ? PRECONDITIONS : [],
    command: { holder: burning ? recipient('director', '陈建国 项目主任') : null, acting: false, since: burning ? ago(34) : null, offered: null, brigade: null, handed_back: null },
    class: given.class, stage: given.stage ?? (burning ? 'fighting' : 'verifying'), opened_at: first.at, opened_engine: ENGINE - given.since * 1000, first, signals,
    building: point.building, floor: point.floor, zone: point.building === 'D1' ? 'D1-2' : 'C1-1', compartment: point.compartment, plan: point.building === 'D1' ? 'd1-2f.svg' : 'c1-1f.svg',
    sleeping: point.building === 'D1', taken: given.taken ? { by: operator, at: ago(given.since - 9) } : null,
    verdict: burning ? { kind: 'real', cause: null, by: recipient('post2', '岗2 王强'), at: ago(34) } : null, holder: burning ? recipient('director', '陈建国 项目主任') : null,
    steps: stepsOf(given),
    card119: burning
      ? {
          unit: site.name.zh, address: site.address, place: both('1号宿舍 2层 215室', 'Dormitory 1, 2F, Room 215'), burning: { key: 'card.ask_guard' }, size: { key: 'card.size_more', args: { count: 2 } }, trapped: { key: 'card.trapped_sleeping' },
          hazards: both('无危险品；夜间约 300 人住宿', 'No dangerous goods; about 300 people asleep at night'), gate: both('南门，沿主路至宿舍区消防车道', 'South gate, main road to the dormitory fire lane'), caller: '张伟', phone: '0700-555 0119', outcome: null, calls: [], also: [],
        }
      : null,
    orders: orders.filter((item) => item.incident === given.id).map((item) => `${item.recipient}/${item.id}`),
    choice: [
      { recipient: 'post2', name: '岗2 王强', seconds: 86, chosen: true, reason: { key: 'reason.free' } }, { recipient: 'post1', name: '岗1 刘洋', seconds: 172, chosen: false, reason: { key: 'reason.free' } },
      { recipient: 'post3', name: '岗3 何军', seconds: 190, chosen: false, reason: { key: 'reason.radio_only' } },
    ],
    linkage: burning || given.kind === 'gas' ? rows : [],
    restore: given.stage === 'restoring' ? RESTORE.map(([id, key, ticked]) => ({ id, line: { key, args: { output: OUTPUTS.find((item) => item[0] === id)?.[2] ?? id } }, done: ticked ? { by: operator, at: ago(20) } : null, person: null })) : [],
    notices: given.stage === 'false_alarm' ? [{ key: 'notice.panel_reset_unverified' }] : [],
  };
}

function recent(scene: Scene): TimelineLine[] {
  const line = (seconds: number, kind: TimelineLine['class'], key: string, args: Record<string, string> = {}, by: Actor = system, place: Text | null = null): TimelineLine => ({ seq: 100 - seconds, at: ago(seconds), class: kind, line: { key, args }, place, by, incident: null });
  const room = both('1号宿舍 215室', 'Dormitory 1 Room 215');
  const calm = [
    line(900, 'fault', 'line.point_fault', { point: '感烟 1-027' }, system, both('第一食堂 餐厅2区', 'Canteen 1 Dining hall, section 2')), line(1800, 'system', 'line.device_online', { recipient: '岗2 王强' }), line(1860, 'system', 'line.link_up', { bus: '联动模块1' }),
    line(1862, 'system', 'line.link_up', { bus: '消防主机1' }), line(1900, 'person', 'line.signed_on', {}, operator), line(2000, 'system', 'line.started'),
  ];
  if (scene === 'idle') return calm;
  return [line(3, 'order', 'line.order_replied', { recipient: '岗2 王强', verb: 'accept' }, recipient('post2', '岗2 王强'), room), line(10, 'person', 'line.taken', {}, operator, room), line(18, 'order', 'line.order_issued', { recipient: '岗2 王强' }, system, room), line(18, 'fire', 'line.first_alarm', { point: '感烟 1-015' }, { kind: 'panel', id: 'field', name: '现场' }, room), ...calm];
}

const leak = (all: Given['all'], since: number, taken: boolean): Given => ({ kind: 'gas', id: 'F-20261125-004', pointIds: ['P1-G01'], since, taken, class: 'alarm', all });

export function scene(name: Scene): Snapshot {
  const all = new Map(points().map((point) => [point.id, point]));
  Object.assign(all.get('P1-027') as PointDoc, { fault: true });
  const burning = name === 'fire' || name === 'three' || name === 'four' || name === 'command' || name === 'restoring';
  const stages: Partial<Record<Scene, IncidentDoc['stage']>> = { false: 'false_alarm', restoring: 'restoring' };
  const stage = stages[name];
  const given: Given[] = [];
  if (name === 'gas') given.push(leak(all, 96, true));
  else if (name !== 'idle') given.push({ id: 'F-20261125-001', pointIds: burning ? ['P1-015', 'P1-018'] : ['P1-015'], since: burning ? 108 : 18, taken: name !== 'alarm', class: burning ? 'confirmed' : 'alarm', all, ...(stage && { stage }) });
  if (name === 'three' || name === 'four') {
    given.push({ id: 'F-20261125-002', pointIds: ['P1-005', 'P1-020'], since: 86, taken: false, class: 'suspected', spread: 'F-20261125-001', all });
    given.push({ id: 'F-20261125-003', pointIds: ['P1-027'], since: 12, taken: false, class: 'alarm', all });
  }
  if (name === 'four') given.push(leak(all, 9, false));
  const orders: OrderDoc[] = [];
  const head = given[0];
  if (head) orders.push(order(head, `${head.id}-1`, 'post2', 'verify', burning ? 'done' : 'accepted', head.since));
  if (head && burning) orders.push(order(head, `${head.id}-2`, 'director', 'report', 'accepted', 34), order(head, `${head.id}-3`, 'warden', 'group', 'accepted', 34), order(head, `${head.id}-4`, 'chief-eng', 'by_hand', 'received', 22), order(head, `${head.id}-5`, 'duty-lead', 'report', 'at_broker', 40), order(head, `${head.id}-8`, 'post3', 'group', 'received', 34));
  const incidents = given.map((item) => incidentOf(item, orders));
  const alarms = incidents.flatMap((incident) => incident.signals).sort((a, b) => a.at - b.at);
  const summary: SummaryDoc = {
    mode: burning ? 'auto' : 'manual', mode_by: burning ? { by: recipient('post2', '岗2 王强'), at: ago(34) } : null, panel_key: 'auto',
    lamps: {
      fire: { untaken: incidents.filter((incident) => !incident.taken).flatMap((incident) => incident.signals).length, total: alarms.length }, gas: 0,
      started: burning ? 3 : 0, feedback: burning ? 3 : 0, delayed: burning ? 1 : 0, supervisory: 0, disabled: 0, fault: 1, links: { up: 2, total: 2 },
    },
    first_alarm: alarms[0] ?? null, latest_alarm: alarms.at(-1) ?? null, incidents: incidents.map((incident) => incident.id), sound: alarms.length ? 'fire' : 'fault',
    mute: burning ? { by: operator, at: ago(98) } : null, posts: { online: 2, total: 3 }, faults: [{ id: 'point/P1-027', line: { key: 'fault.point', args: { point: '感烟 1-027' } }, since: ago(900) }], maintenance: [], shift: { first: null, second: null, since: null }, room_lost: null, authority: null, degraded: 'no', broker_up: true, broker: 'up',
  };
  const documents: Record<string, unknown> = { site, summary, recent: { lines: recent(name) } };
  for (const point of all.values()) documents[`point/${point.id}`] = point;
  for (const row of OUTPUTS) documents[`output/${row[0]}`] = output(row, burning);
  for (const person of site.recipients) documents[`recipient/${person.id}`] = { ...person, online: person.id !== 'post3', since: ago(1800), order: orders.find((item) => item.recipient === person.id && item.open)?.id ?? null };
  for (const incident of incidents) {
    documents[`incident/${incident.id}`] = incident;
    documents[`timeline/${incident.id}`] = { incident: incident.id, lines: [...recent(name)].reverse(), dropped: 0 };
  }
  for (const item of orders) documents[`order/${item.recipient}/${item.id}`] = item;
  return { journal_id: 'fixture', seq: 100, engine: ENGINE, wall: WALL, documents };
}
