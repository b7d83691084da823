import { expect, it } from 'vitest';
import type { VerbDoc } from '../documents';
import { asksFirst, filled, isMissing, prefilled } from './forms';

const verb: VerbDoc = {
  verb: 'head_count', path: '/api/v1/incidents/F-1/head_count', line: { key: 'verb.head_count' }, hold_ms: 0, tone: 'plain', key: null,
  body: { channel: 'radio' }, choice: null,
  fields: [
    { field: 'present', line: { key: 'field.present' }, kind: 'number', required: true },
    { field: 'channel', line: { key: 'field.channel' }, kind: 'select', options: [], required: true },
    { field: 'name', line: { key: 'field.name' }, kind: 'text', required: false },
  ],
};

it('starts with what the daemon knows', () => {
  expect(prefilled(verb)).toEqual({ channel: 'radio' });
});

it('asks for what is required and for whole numbers', () => {
  expect(isMissing(verb, undefined, { channel: 'radio' })).toBe(true);
  expect(isMissing(verb, undefined, { channel: 'radio', present: '4x' })).toBe(true);
  expect(isMissing(verb, undefined, { channel: 'radio', present: '41' })).toBe(false);
  expect(isMissing({ ...verb, fields: [], choice: { field: 'to', options: [] } }, undefined, {})).toBe(true);
});

it('asks who it was, by choice or by name', () => {
  const field = (name: string) => ({ field: name, line: { key: `field.${name}` }, kind: 'text' as const, required: false });
  const watch = { ...verb, body: {}, fields: [field('person'), field('name')] };
  expect([asksFirst(watch), asksFirst({ ...watch, body: { person: 'post2' } }), asksFirst({ ...watch, fields: [field('name')] })]).toEqual([true, false, false]);
  expect([isMissing(watch, undefined, { name: ' ' }), isMissing(watch, undefined, { name: '钱' }), isMissing(watch, undefined, { person: 'post2' })]).toEqual([true, false, false]);
});

it('sends numbers as numbers and nothing that is empty', () => {
  expect(filled(verb, undefined, { channel: 'phone', present: '41', name: '  ' })).toEqual({ channel: 'phone', present: 41 });
  expect(filled({ ...verb, choice: { field: 'to', options: [] } }, 'director', { present: '1' })).toEqual({ present: 1, to: 'director' });
});
