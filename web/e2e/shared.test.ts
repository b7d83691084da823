/** Desk and guard page side by side in one browser: each has its own session, and neither silences the other. */
import { expect, test } from 'vitest';
import { desk, sound } from './browser';
import { PASSWORD } from './campus';
import { stage } from './stage';
import { until } from './until';

const here = stage(['operator', 'post2']);

test('a guard who signs on in the desk\'s browser leaves the desk signed on, heard and working', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http));
  const post = await room.context().newPage();
  await post.goto(`${here.campus.http}/g`);
  await post.getByTestId('guard-account').fill('post2');
  await post.getByTestId('guard-password').fill(PASSWORD);
  await post.getByTestId('guard-login').click();
  await post.locator('[data-testid="check-http"][data-good="true"]').waitFor();
  await room.locator('[data-testid="post-post2"][data-online="true"]').waitFor();

  await here.campus.sim('/points/P1-003/alarm');
  await post.getByTestId('order-card').waitFor();
  await until('the room hears the fire', async () => (await sound(room)) === 'fire');
  await room.bringToFront();
  await room.getByTestId('verb-take').click();
  await room.locator('[data-testid="step-take"][data-state="done"]').waitFor();
  await post.bringToFront();
  await post.getByTestId('reply-accept').click();
  await post.locator('[data-testid="order-card"][data-state="accepted"]').waitFor();

  // A reload of either finds its own person.
  await room.reload();
  await room.getByTestId('lamp-fire').waitFor();
  await post.reload();
  await post.locator('[data-testid="order-card"][data-state="accepted"]').waitFor();
  expect(await room.getByTestId('login-account').count()).toBe(0);
});
