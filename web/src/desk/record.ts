/**
 * 代录: what somebody answers by radio, by telephone or in person, entered by the room. Two keys do: the order's number, then the
 * answer's. The answers are those that the documents offer.
 */
import { computed, ref } from 'vue';
import { act } from '../client/verbs';
import type { IncidentDoc, OrderDoc, VerbDoc } from '../documents';
import { filled } from './forms';
import { ordersOf, shown } from './state';

/** The order whose answer is being entered. */
export const recording = ref<string | null>(null);

export const offersFor = (incident: IncidentDoc, order: string): VerbDoc[] =>
  incident.steps.flatMap((step) => step.verbs).filter((verb) => verb.verb === 'record_reply' && verb.body['order'] === order);

/** Open orders that can be answered for, in the order of the list: the first has the number 1. */
export const recordable = computed<OrderDoc[]>(() => {
  const incident = shown.value;
  return incident ? ordersOf(incident).filter((order) => order.open && offersFor(incident, order.id).length > 0) : [];
});
export const numberOf = (order: string) => recordable.value.findIndex((item) => item.id === order) + 1;

export function open(order: string | undefined): void {
  if (order) recording.value = recording.value === order ? null : order;
}

export interface Answer { verb: VerbDoc; value: string; line: VerbDoc['line'] }
/** Answers that one press enters. */
export const answersOf = (offers: VerbDoc[]): Answer[] =>
  offers.flatMap((verb) => (verb.choice?.field === 'verb' ? verb.choice.options.map(({ value, line }) => ({ verb, value, line })) : []));

export const scopeOf = (order: string) => `record ${order}`;
export async function enter({ verb, value }: Answer, values: Record<string, string>): Promise<void> {
  if (await act(verb, filled(verb, value, values), scopeOf(String(verb.body['order'])))) recording.value = null;
}
