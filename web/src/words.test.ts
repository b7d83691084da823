import { afterEach, expect, it } from 'vitest';
import daemonWords from '../../src/text/catalogue.json';
import deskWords from '../../src/text/desk.json';
import { language, say, t, text } from './words';

afterEach(() => void (language.value = 'zh'));

it('says a key in the language of the page', () => {
  expect(t('ui.first_alarm')).toBe('首火警');
  language.value = 'en';
  expect(t('ui.first_alarm')).toBe('First alarm');
  expect(text({ zh: '南门', en: 'South gate' })).toBe('South gate');
});

it('puts arguments in, and the words of those that are words themselves', () => {
  expect(say({ key: 'fact.linkage', args: { done: 3, total: 7, failed: 1 } })).toBe('到位 3/7，异常 1');
  expect(say({ key: 'line.order_replied', args: { recipient: '岗2 王强', verb: 'accept' } })).toBe('岗2 王强 回报 收到');
  expect(say({ key: 'line.order_late', args: { recipient: '岗2 王强', limit: 'receive' } })).toBe('岗2 王强 超时（设备收令）');
});

it('says the English name of a thing in an English line', () => {
  const line = { key: 'line.point_fault', args: { point: { zh: '感烟 1-027', en: 'Smoke 1-027' } } };
  expect(say(line)).toBe('感烟 1-027 故障');
  language.value = 'en';
  expect(say(line)).toContain('Smoke 1-027');
});

it('shows an unknown key rather than nothing', () => {
  expect(say({ key: 'line.from_tomorrow' })).toBe('line.from_tomorrow');
  expect(say(null)).toBe('');
});

it('has both languages for every key, names the same arguments, and puts the bare word 确认 nowhere', () => {
  for (const [key, both] of Object.entries({ ...daemonWords, ...deskWords })) {
    const names = (words: string) => [...words.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
    expect(names(both.en), key).toEqual(names(both.zh));
    expect(both.zh.trim(), key).not.toBe('确认');
    expect(both.zh.length * both.en.length, key).toBeGreaterThan(0);
  }
});
