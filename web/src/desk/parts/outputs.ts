/** How a command's state is shown: glyph and words. An exception comes before what waits, and that before what is done. */
import type { GlyphState } from '../../design';
import type { CommandState, OutputDoc } from '../../documents';

export const OUTPUT_GLYPH: Record<CommandState, GlyphState> = {
  idle: 'normal', waiting: 'delayed', deferred: 'delayed', asked: 'delayed', sending: 'started', sent: 'started', done: 'feedback',
  no_feedback: 'fault', refused: 'fault', unknown: 'fault', expired: 'fault',
};
export const OUTPUT_RANK: Record<CommandState, number> = {
  no_feedback: 0, refused: 0, unknown: 0, expired: 0, sent: 1, sending: 1, asked: 2, waiting: 3, deferred: 3, idle: 4, done: 5,
};
/** The contact that proves the state cannot be read now: what it last said is old and never shown as if it were so. */
export const isUnseen = (output: OutputDoc | undefined) => output !== undefined && output.feedback !== null && output.quality !== 'good';
/** At rest and unseen is no rest: the glyph of a lost line stands for it. */
export const glyphOfOutput = (state: CommandState, unseen: boolean): GlyphState => (unseen && state === 'idle' ? 'offline' : OUTPUT_GLYPH[state]);
export const isFailed = (state: CommandState) => OUTPUT_RANK[state] === 0;
export const usedSeconds = (sent: number | null, done: number | null) => (sent !== null && done !== null ? ((done - sent) / 1000).toFixed(1) : null);
