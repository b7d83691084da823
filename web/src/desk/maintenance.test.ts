import { createSSRApp, type Component } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { beforeEach, describe, expect, it } from 'vitest';
import { now } from '../client/clock';
import { documents } from '../client/store';
import type { Actor, OutputDoc, Snapshot, SummaryDoc } from '../documents';
import { scene } from '../testing/fixture';
import { language } from '../words';
import OutputCard from './parts/OutputCard.vue';
import TodoList from './parts/TodoList.vue';

const actor = (kind: Actor['kind'], id: string, name: string): Actor => ({ kind, id, name });
const by = actor('account', 'eng', '周敏');
const person = actor('recipient', 'chief-eng', '赵国栋 工程主管');

/** The idle campus with the gas valve in maintenance, begun 100 s ago. */
function maintained(): Snapshot {
  const snapshot = scene('idle');
  const limit = { from: snapshot.engine - 100_000, due: snapshot.engine + 800_000 };
  const valve = snapshot.documents['output/GAS-VALVE'] as OutputDoc;
  valve.maintenance = { by, at: snapshot.wall - 100_000, person, reason: '阀门检修', limit };
  const args = { output: valve.name, by: by.name, person: person.name };
  (snapshot.documents.summary as SummaryDoc).maintenance = [{ output: valve.id, line: { key: 'summary.maintenance', args }, since: valve.maintenance.at, limit }];
  return snapshot;
}

const shown = async (part: Component, props: Record<string, unknown> = {}) => {
  const html = await renderToString(createSSRApp(part, props));
  return html.replace(/<!--.*?-->/gs, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
};

describe('an output in maintenance', () => {
  beforeEach(() => {
    language.value = 'zh';
    const snapshot = maintained();
    documents.take(snapshot);
    now.engine = snapshot.engine;
  });

  it('says on its card by whom, why, who is there and how long', async () => {
    const output = documents.of('output').get('GAS-VALVE') as OutputDoc;
    const card = await shown(OutputCard, { output, row: null });
    expect(card).toContain('维护中：周敏，赵国栋 工程主管 在设备旁');
    expect(card).toContain('阀门检修');
    expect(card).toContain('余 800');
    expect(await shown(OutputCard, { output: { ...output, maintenance: null }, row: null })).not.toContain('维护');
  });

  it('stands on the campus screen, in the language of the page', async () => {
    expect(await shown(TodoList)).toContain('燃气总阀关闭 维护中：周敏，赵国栋 工程主管 在设备旁 余 800');
    language.value = 'en';
    expect(await shown(TodoList)).toContain('Main gas valve in maintenance by 周敏');
  });
});
