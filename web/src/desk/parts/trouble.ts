/** What came of a verb, in words: who settled it and how, or that it was not delivered. */
import { clockTime } from '../../client/clock';
import type { Outcome } from '../../client/verbs';
import { t, text } from '../../words';

export function troubleOf(outcome: Outcome | null): string {
  if (!outcome) return '';
  if (outcome.state === 'unreachable') return t('ui.not_delivered');
  if (outcome.state === 'done' && outcome.durable === 'spool') return t('ui.done_spool');
  if (outcome.state !== 'refused') return '';
  const { problem, status } = outcome;
  if (!problem) return t('ui.refused_status', { status: status ?? 0 });
  const by = problem.settled_by ? ` · ${problem.settled_by.name} ${clockTime(problem.settled_at)}` : '';
  return `${text(problem.detail)}${by}${problem.how ? ` · ${problem.how}` : ''}`;
}
