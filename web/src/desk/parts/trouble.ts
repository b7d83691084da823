/** What came of a verb, in words: who settled it and how, or that it was not delivered. */
import { clockTime } from '../../client/clock';
import type { Outcome } from '../../client/verbs';
import { t, text, who } from '../../words';

/** How a step was settled: a verdict has words, anything else is a name or a number. */
function howOf(how: string | undefined): string {
  if (how === 'real' || how === 'false') return t(`ui.verdict_${how}`);
  return how ?? '';
}

export function troubleOf(outcome: Outcome | null): string {
  if (!outcome) return '';
  if (outcome.state === 'unreachable') return t('ui.not_delivered');
  if (outcome.state === 'done' && outcome.durable === 'spool') return t('ui.done_spool');
  if (outcome.state !== 'refused') return '';
  const { problem, status } = outcome;
  if (!problem) return t('ui.refused_status', { status: status ?? 0 });
  const by = problem.settled_by ? ` · ${who(problem.settled_by)} ${clockTime(problem.settled_at)}` : '';
  const detail = text(problem.detail);
  const how = howOf(problem.how);
  return `${detail}${by}${how && !detail.includes(how) ? ` · ${how}` : ''}`;
}
