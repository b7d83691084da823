/** 更正为误报 at the command board: with a cause and a reason, held by whoever commands; what acted is then put back by hand. */
import { expect, test } from 'vitest';
import { desk, guard, hold, shot } from './browser';
import { stage } from './stage';

const here = stage(['operator', 'leader', 'post2']);

test('the holder of command takes a fire back, and what acted stands on the list', async () => {
  // Somebody who does not command is refused, and a browser logs every refusal.
  here.allowed = [/status of 403/];
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  const leader = await here.opened(guard(here.browser, here.campus.http, 'leader'));
  const room = await here.opened(desk(here.browser, here.campus.http));
  const command = await here.opened(desk(here.browser, here.campus.http, 'leader'));
  for (const id of ['post2', 'duty-lead']) await room.locator(`[data-testid="post-${id}"][data-online="true"]`).waitFor();
  await here.campus.sim('/points/P1-005/alarm');
  await room.getByTestId('verb-take').click();
  await post.getByTestId('reply-accept').tap();
  await post.getByTestId('reply-arrive').tap();
  await post.locator('[data-testid="order-card"][data-kind="verify"][data-state="arrived"]').waitFor();
  await hold(post.getByTestId('reply-real'));
  await room.locator('[data-testid="step-verdict"][data-state="done"]').waitFor();
  await leader.getByTestId('order-card').waitFor();

  const correct = async (page: typeof room) => {
    await page.getByTestId('key-F11').click();
    await page.getByTestId('command-board').waitFor();
    await page.getByTestId('choice-correct_false').selectOption('steam');
    await page.getByTestId('open-correct_false').click();
    await page.getByTestId('field-correct_false-reason').fill('开水房蒸汽');
    await hold(page.getByTestId('verb-correct_false'));
  };
  await correct(room);
  await room.getByTestId('refused-correct_false').waitFor();
  await shot(command, 'correct-1');
  await correct(command);
  await command.getByTestId('restore-board').waitFor();
  const items = await command.getByTestId('restore-board').locator('li').evaluateAll((all) => all.map((item) => item.getAttribute('data-testid')));
  expect(items).toContain('restore-GAS-VALVE');
  expect(items).not.toContain('restore-scene');
  expect(await command.getByTestId('verb-restore-GAS-VALVE').count(), 'gas is last').toBe(0);
  await shot(command, 'correct-2');
  // Nobody is kept on the way to a fire that is none.
  await post.getByTestId('guard-idle').waitFor();
});
