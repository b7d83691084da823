/** What weakens protection asks for the password again, in the place of its button; what protects never does. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { desk, hold, shot } from './browser';
import { PASSWORD } from './campus';
import { stage } from './stage';
import { until } from './until';

/** The proof of signing on is good for so long here. */
const PROOF_S = 3;
const here = stage(['leader'], [['step_up_seconds = 300', `step_up_seconds = ${PROOF_S}`]]);

async function signedOnLongAgo(): Promise<Page> {
  const page = await here.opened(desk(here.browser, here.campus.http, 'leader'));
  const at = Date.now();
  await until('the proof of signing on is old', async () => Date.now() - at > (PROOF_S + 0.5) * 1_000);
  return page;
}

test('the desk asks for the password in place, keeps what was entered, and does it once', async () => {
  // A browser logs every refusal.
  here.allowed = [/status of 403/];
  const room = await signedOnLongAgo();
  await here.campus.sim('/points/P1-003/alarm');
  await room.getByTestId('verb-take').click();
  await room.locator('[data-testid="step-take"][data-state="done"]').waitFor();
  expect(await room.locator('[data-testid^="proof-"]').count(), 'nothing asked for what protects').toBe(0);

  await room.getByTestId('key-F6').click();
  await room.getByTestId('open-mode-manual').click();
  await room.getByTestId('field-mode-manual-reason').fill('检修 3 号回路');
  await hold(room.getByTestId('verb-mode-manual'));
  await room.getByTestId('proof-mode-manual').waitFor();
  expect(await room.getByTestId('field-mode-manual-reason').inputValue()).toBe('检修 3 号回路');
  await shot(room, 'proof-asked');
  await room.getByTestId('proof-password-mode-manual').fill('guess');
  await room.keyboard.press('Enter');
  await room.getByTestId('proof-trouble-mode-manual').waitFor();
  expect(await room.getByTestId('linkage-mode').getAttribute('data-mode')).toBe('auto');
  await room.getByTestId('proof-password-mode-manual').fill(PASSWORD);
  await room.keyboard.press('Enter');
  await room.locator('[data-testid="linkage-mode"][data-mode="manual"]').waitFor();
  await room.getByTestId('proof-mode-manual').waitFor({ state: 'detached' });
});

test('whoever gives up has done nothing', async () => {
  here.allowed = [/status of 403/];
  const room = await signedOnLongAgo();
  await room.getByTestId('key-F6').click();
  await room.getByTestId('open-mode-manual').click();
  await room.getByTestId('field-mode-manual-reason').fill('检修');
  await hold(room.getByTestId('verb-mode-manual'));
  await room.getByTestId('proof-cancel-mode-manual').click();
  await room.getByTestId('proof-mode-manual').waitFor({ state: 'detached' });
  expect(await room.getByTestId('linkage-mode').getAttribute('data-mode')).toBe('auto');
  expect(await room.getByTestId('field-mode-manual-reason').inputValue(), 'what was entered stays').toBe('检修');
});
