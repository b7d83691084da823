/** What a person fills in for a verb: the values of its fields, ready to be sent. Pure. */
import type { VerbDoc } from '../documents';

export type Values = Record<string, string>;

export const keyOf = (verb: VerbDoc) => `${verb.verb} ${JSON.stringify(verb.body)}`;

/** What the daemon filled in already. */
export function prefilled(verb: VerbDoc): Values {
  const known = (verb.fields ?? []).map(({ field }) => [field, verb.body[field]] as const);
  return Object.fromEntries(known.filter(([, value]) => value !== undefined && value !== null).map(([field, value]) => [field, String(value)]));
}

/** Who it was: somebody of the site or a name. Either will do, one of them must be there. */
const WHO = ['person', 'name'];
const isNameless = (verb: VerbDoc, values: Values) => {
  const offered = (verb.fields ?? []).map(({ field }) => field);
  return WHO.every((field) => offered.includes(field)) && WHO.every((field) => !values[field]?.trim());
};

/** Whether a press would send too little with what the daemon filled in: it opens the form first. */
export const asksFirst = (verb: VerbDoc): boolean => {
  const known = prefilled(verb);
  return isNameless(verb, known) || (verb.fields ?? []).some(({ field, required }) => required && !(field in known));
};

/** Whether something that the verb asks for is missing still. */
export function isMissing(verb: VerbDoc, chosen: string | undefined, values: Values): boolean {
  if (verb.choice && !chosen) return true;
  if (isNameless(verb, values)) return true;
  return (verb.fields ?? []).some((field) => {
    const value = values[field.field]?.trim() ?? '';
    return (field.required && value === '') || (field.kind === 'number' && value !== '' && !/^\d+$/.test(value));
  });
}

/** The body's additions: what was chosen and filled in; what is empty is not sent, and a number is a number. */
export function filled(verb: VerbDoc, chosen: string | undefined, values: Values): Record<string, unknown> {
  const said = (verb.fields ?? []).flatMap((field) => {
    const value = values[field.field]?.trim() ?? '';
    return value === '' ? [] : [[field.field, field.kind === 'number' ? Number(value) : value] as const];
  });
  return { ...Object.fromEntries(said), ...(verb.choice && chosen ? { [verb.choice.field]: chosen } : {}) };
}
