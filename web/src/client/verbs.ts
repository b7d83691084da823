/**
 * Sends verbs. Each press is one deed with one Idempotency-Key; a lost answer is asked for again under the same key, so a
 * command is never given twice. What came of it stays beside the button: done, refused and by whom, or not delivered.
 *
 * What weakens protection may ask for the password again. The deed then waits with all that was entered, the button's place asks
 * for the password, and the same deed is sent again under the same key.
 */
import { shallowReactive } from 'vue';
import type { Problem, VerbDoc } from '../documents';
import { call, newKey, prove, Refusal } from './api';

export interface Outcome {
  /** `proof`: the password is asked for; `problem` then says why once more. */
  state: 'sending' | 'proof' | 'done' | 'refused' | 'unreachable';
  problem: Problem | null;
  status: number | null;
  durable: string | null;
  at: number;
  /** Gives the password, or nothing: the deed is not done. */
  answer?: (password: string | null) => void;
  /** The password before this one was not delivered. */
  lost?: boolean;
}

const TRIES_AFTER_MS = [400, 1_200, 2_500];
const KEPT_MAX = 50;
const outcomes = shallowReactive(new Map<string, Outcome>());
/** The latest refusal or failure, shown where its button may be gone already. */
export const latest = shallowReactive<{ trouble: { verb: VerbDoc; outcome: Outcome } | null }>({ trouble: null });

const name = (verb: VerbDoc, scope: string) => `${scope} ${verb.path} ${JSON.stringify(verb.body)}`;

export function outcomeOf(verb: VerbDoc, scope = ''): Outcome | null {
  return outcomes.get(name(verb, scope)) ?? null;
}

function note(key: string, verb: VerbDoc, outcome: Outcome): void {
  outcomes.delete(key);
  outcomes.set(key, outcome);
  const oldest = outcomes.keys().next();
  if (outcomes.size > KEPT_MAX && !oldest.done) outcomes.delete(oldest.value);
  if (outcome.state === 'refused' || outcome.state === 'unreachable') latest.trouble = { verb, outcome };
  // Who has gone on to something else has read it.
  else if (outcome.state === 'done') latest.trouble = null;
}

/** Does it. `chosen` is what the person picked; `scope` tells equal verbs in different places apart. */
export async function act(verb: VerbDoc, chosen: Record<string, unknown> = {}, scope = ''): Promise<boolean> {
  const key = name(verb, scope);
  const before = outcomes.get(key)?.state;
  if (before === 'sending' || before === 'proof') return false;
  const base = { problem: null, status: null, durable: null };
  note(key, verb, { ...base, state: 'sending', at: Date.now() });
  const deed = { method: 'POST' as const, key: newKey(), body: { ...verb.body, ...chosen } };
  for (let tried = 0; ; tried += 1) {
    try {
      const answer = await call<{ durable?: string } | undefined>(verb.path, deed);
      note(key, verb, { ...base, state: 'done', durable: answer?.durable ?? null, at: Date.now() });
      return true;
    } catch (failed) {
      if (failed instanceof Refusal) {
        const { status, problem } = failed;
        if (problem?.code === 'step_up_required') {
          const proved = await asked(key, verb);
          if (proved) continue;
          outcomes.delete(key);
          return false;
        }
        note(key, verb, { state: 'refused', problem, status, durable: null, at: Date.now() });
        return false;
      }
      const wait = TRIES_AFTER_MS[tried];
      if (wait === undefined) {
        note(key, verb, { ...base, state: 'unreachable', at: Date.now() });
        return false;
      }
      await new Promise((resume) => setTimeout(resume, wait));
    }
  }
}

/** Asks for the password until it is right or the person gives up. */
async function asked(key: string, verb: VerbDoc): Promise<boolean> {
  let [problem, lost] = [null as Problem | null, false];
  for (;;) {
    const answer = await new Promise<string | null>((resume) => {
      note(key, verb, { state: 'proof', problem, status: null, durable: null, at: Date.now(), answer: resume, lost });
    });
    if (answer === null) return false;
    note(key, verb, { state: 'sending', problem: null, status: null, durable: null, at: Date.now() });
    try {
      await prove(answer);
      return true;
    } catch (failed) {
      problem = failed instanceof Refusal ? failed.problem : null;
      lost = problem === null;
    }
  }
}

/** A verb of the frame: the documents carry none for these, because they belong to the room and not to a step. */
export type SiteVerb = 'mute' | 'mode' | 'report' | 'take_over' | 'sign_on_shift' | 'sign_off_shift';
export function siteVerb(verb: SiteVerb, body: Record<string, unknown> = {}): VerbDoc {
  return {
    verb, path: `/api/v1/site/${verb}`, line: { key: `verb.${verb}` }, hold_ms: 0, tone: 'plain', key: null, body, choice: null,
  };
}
