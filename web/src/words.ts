/**
 * The words of the pages: one catalogue, the daemon's own (src/text/*.json), Chinese and English. A key that the catalogue
 * lacks does not compile. Keys that arrive inside documents are looked up at run time; an unknown one is shown as it is.
 */
import { ref } from 'vue';
import daemonWords from '../../src/text/catalogue.json';
import deskWords from '../../src/text/desk.json';
import guardWords from '../../src/text/guard.json';
import type { Actor, Argument, Line, Text } from './documents';

const catalogue = { ...daemonWords, ...deskWords, ...guardWords };
export type Key = keyof typeof catalogue;
export type Language = 'zh' | 'en';
type Args = Record<string, Argument>;

const STORED = 'fengsui.language';
const stored = typeof localStorage === 'undefined' ? null : localStorage.getItem(STORED);
/** The language of this page. Chinese comes first. */
export const language = ref<Language>(stored === 'en' ? 'en' : 'zh');

export function setLanguage(next: Language): void {
  language.value = next;
  if (typeof localStorage !== 'undefined') localStorage.setItem(STORED, next);
  if (typeof document !== 'undefined') document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
}

const known = catalogue as Record<string, Text>;

/** Argument names whose values are words of the catalogue under these prefixes (`verb: accept` is `reply.accept`). */
const WORDS_OF: Record<string, string[]> = {
  verb: ['reply', 'verb'],
  code: ['code'],
  limit: ['ui.limit'],
  item: ['ui.item'],
  reason: ['unable', 'reason'],
  cause: ['cause'],
};

function argument(name: string, value: Argument): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'object') return value[language.value];
  for (const key of [value, ...(WORDS_OF[name] ?? []).map((prefix) => `${prefix}.${value}`)]) {
    const found = known[key];
    if (found) return found[language.value];
  }
  return value;
}

function fill(words: string, args: Args | undefined): string {
  if (!args) return words;
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = args[name];
    return value === undefined ? whole : argument(name, value);
  });
}

/** The words of a key. */
export function t(key: Key, args?: Args): string {
  return fill(catalogue[key][language.value], args);
}

/** A line of a document. */
export function say(line: Line | null | undefined): string {
  if (!line) return '';
  const words = known[line.key];
  return words ? fill(words[language.value], line.args) : line.key;
}

/** Who did it: people by their name, the system and the field by their word. */
export function who(actor: Actor | null | undefined): string {
  if (!actor) return '';
  if (actor.kind === 'system') return t('ui.by_system');
  return actor.kind === 'panel' ? t('ui.by_field') : actor.name;
}

/** A name that a document carries in both languages. */
export function text(both: Text | null | undefined): string {
  return both?.[language.value] ?? '';
}
