import { createSSRApp } from 'vue';
import { renderToString } from 'vue/server-renderer';
import { beforeEach, describe, expect, it } from 'vitest';
import { now } from '../client/clock';
import { documents } from '../client/store';
import type { PointDoc } from '../documents';
import { scene } from '../testing/fixture';
import { language } from '../words';
import PointValue from './parts/PointValue.vue';

const point = (change: Partial<PointDoc>): PointDoc => ({ ...(scene('idle').documents['point/P1-G01'] as PointDoc), ...change });
const shown = async (of: PointDoc) => {
  const html = await renderToString(createSSRApp(PointValue, { point: of }));
  return html.replace(/<!--.*?-->/gs, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
};

describe('the value of a point', () => {
  beforeEach(() => {
    documents.clear();
    language.value = 'zh';
    now.engine = 70_500;
  });

  it('is shown with its unit and its age', async () => {
    documents.measured({ 'P1-G01': { value: 12.3, trouble: null, quality: 'good', at: 67_400 } });
    expect(await shown(point({ unit: '%LEL' }))).toBe('实测值 12.3 %LEL 3 秒前');
    language.value = 'en';
    expect(await shown(point({ unit: '%LEL' }))).toBe('Value 12.3 %LEL 3 s ago');
  });

  it('is the reason when there is none', async () => {
    documents.measured({ 'P1-G01': { value: null, trouble: { key: 'trouble.broken' }, quality: 'good', at: 70_000 } });
    expect(await shown(point({ unit: '%LEL' }))).toBe('实测值 断线 0 秒前');
    expect(await shown(point({ unit: null }))).toContain('断线');
  });

  it('is unknown before the first reading, and absent for a point that measures nothing', async () => {
    expect(await shown(point({ unit: '%LEL' }))).toBe('实测值 —');
    expect(await shown(point({ unit: null }))).toBe('');
  });
});
