/** One fire from the first register to its end, through both pages: the false alarm, and the real one. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { desk, guard, hold, shot, sound } from './browser';
import { DESK_TARGETS, faults, SIZES } from './fit';
import { stage } from './stage';
import { until } from './until';

const here = stage(['operator', 'leader', 'post2', 'warden']);
const step = (page: Page, id: string, state: string) => page.locator(`[data-testid="step-${id}"][data-state="${state}"]`).waitFor();
const online = (page: Page, id: string) => page.locator(`[data-testid="post-${id}"][data-online="true"]`).waitFor();
const order = (page: Page, kind: string, state: string) => page.locator(`[data-testid="order-card"][data-kind="${kind}"][data-state="${state}"]`);
/** The order of a group comes onto the phone; with several the guard taps its tab. */
async function shown(page: Page, group: string): Promise<void> {
  const card = page.locator(`[data-testid="order-card"][data-group="${group}"]`);
  const tab = page.getByTestId(`order-tab-${group}`);
  await until(`the order of ${group} is on the phone`, async () => (await card.count()) + (await tab.count()) > 0);
  if (!(await card.count())) await tab.tap();
  await card.waitFor();
}
const card = (page: Page, group: string, state: string) => page.locator(`[data-testid="order-card"][data-group="${group}"][data-state="${state}"]`);
async function accepted(page: Page, groups: string[]): Promise<void> {
  for (const group of groups) {
    await shown(page, group);
    await card(page, group, 'received').waitFor();
    await page.getByTestId('reply-accept').tap();
    await card(page, group, 'accepted').waitFor();
  }
}
async function figures(page: Page, group: string, verb: string, said: Record<string, number>): Promise<void> {
  await shown(page, group);
  const button = page.getByTestId(`reply-${verb}`);
  await button.tap();
  for (const [field, figure] of Object.entries(said)) await page.getByTestId(`figure-${field}`).fill(String(figure));
  await button.tap();
  await until('the figures are heard', async () => (await page.getByTestId('guard-unsent').innerText()).endsWith('0'));
}
/** Done ends an order: it leaves the phone. */
async function done(page: Page, group: string): Promise<void> {
  await shown(page, group);
  await page.getByTestId('reply-done').tap();
  await page.locator(`[data-testid="order-card"][data-group="${group}"]`).waitFor({ state: 'detached' });
}
const met = async (page: Page, ids: string[]) => {
  for (const id of ids) await page.locator(`[data-testid="precondition-${id}"][data-met="true"]`).waitFor();
};

test('a false alarm goes from the register to the closed incident through both pages', async () => {
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  const room = await here.opened(desk(here.browser, here.campus.http));
  await online(room, 'post2');

  await here.campus.sim('/points/P1-003/alarm');
  await until('the first alarm names the room', async () => (await room.getByTestId('first-alarm').innerText()).includes('203'));
  await until('the fire lamp counts one', async () => (await room.getByTestId('lamp-fire').innerText()).includes('1/1'));
  await until('the room hears the fire', async () => (await sound(room)) === 'fire');
  await post.getByTestId('order-card').waitFor();
  await until('the phone rings', async () => (await sound(post)) === 'order');
  await until('the plan is drawn', async () => (await post.getByTestId('order-plan').getAttribute('data-ready')) === 'true');
  await shot(room, 'false-1-desk');
  await shot(post, 'false-1-guard');

  await room.getByTestId('verb-take').click();
  await step(room, 'take', 'done');
  await room.getByTestId('key-F3').click();
  await until('the room is silent', async () => (await sound(room)) === 'silent');

  await post.getByTestId('reply-accept').tap();
  await order(post, 'verify', 'accepted').waitFor();
  await until('the phone is silent', async () => (await sound(post)) === 'silent');
  await shot(post, 'false-2-guard');
  await post.getByTestId('reply-arrive').tap();
  await order(post, 'verify', 'arrived').waitFor();
  await post.getByTestId('cause-dust').tap();
  await post.getByTestId('reply-false-seen').check();
  await shot(post, 'false-3-guard');
  await post.getByTestId('reply-false').tap();
  await step(room, 'verdict', 'done');
  await post.getByTestId('guard-idle').waitFor();
  await until('no answer is left on the phone', async () => (await post.getByTestId('guard-unsent').innerText()).endsWith('0'));
  await shot(room, 'false-3-desk');

  await here.campus.sim('/points/P1-003/normal');
  const sounders = room.getByTestId('verb-stop_sounders');
  await room.locator('[data-testid="step-stop_sounders"]').waitFor();
  if (await sounders.count()) await sounders.click();
  await step(room, 'stop_sounders', 'done');
  await hold(room.getByTestId('verb-reset'));
  await until('the incident is closed', async () => (await room.getByTestId('lamp-fire').innerText()).includes('0/0'));
  await until('nothing is pinned', async () => !(await room.getByTestId('first-alarm').innerText()).includes('203'));
  await shot(room, 'false-4-desk');
});

test('a real fire starts the linkage, the call and the groups, and ends with the holder of command', async () => {
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  const warden = await here.opened(guard(here.browser, here.campus.http, 'warden'));
  const leader = await here.opened(guard(here.browser, here.campus.http, 'leader'));
  const room = await here.opened(desk(here.browser, here.campus.http));
  for (const id of ['post2', 'warden', 'duty-lead']) await online(room, id);

  await here.campus.sim('/points/P1-005/alarm');
  await room.getByTestId('verb-take').click();
  await post.getByTestId('reply-accept').tap();
  await post.getByTestId('reply-arrive').tap();
  await order(post, 'verify', 'arrived').waitFor();
  // A touch is no hold: it reports nothing, and the record below holds one report alone.
  await post.getByTestId('reply-real').tap();
  await hold(post.getByTestId('reply-real'));

  await step(room, 'verdict', 'done');
  await step(room, 'call119', 'now');
  await room.getByTestId('card-119').waitFor();
  await until('the card names the room', async () => (await room.getByTestId('card-119').innerText()).includes('205'));
  await shot(room, 'real-1-desk');
  // Everybody's groups: the warden leads one and stands in for the first post in another, and so does the second post.
  await shot(warden, 'real-1-warden');
  await accepted(warden, ['evacuate', 'rescue']);
  await accepted(post, ['extinguish', 'cordon']);
  await accepted(leader, ['reserve']);
  await room.getByTestId('verb-call_119').click();
  await step(room, 'call119', 'done');

  for (const output of ['D1-SOUNDER', 'D1-DOORS', 'GAS-VALVE', 'D1-FEEDER', 'HYDRANT-PUMP', 'D1-LIFT', 'D1-LIFT-FEEDER']) {
    await room.locator(`[data-testid="incident-linkage"] [data-testid="linkage-${output}"][data-state="done"]`).waitFor({ timeout: 45_000 });
  }
  const outputs = await here.campus.simState<{ id: string; feedback: boolean }[]>('/outputs');
  expect(outputs.length).toBeGreaterThan(0);
  await shot(room, 'real-2-desk');

  await shot(leader, 'real-2-leader');
  const command = await here.opened(desk(here.browser, here.campus.http, 'leader'));
  await command.getByTestId('key-F11').click();
  await command.getByTestId('command-board').waitFor();
  for (const id of ['evacuate', 'rescue', 'extinguish', 'cordon', 'reserve']) await command.locator(`[data-testid="group-${id}"][data-state="accepted"]`).waitFor();
  for (const size of SIZES) {
    await command.setViewportSize(size);
    expect(await faults(command, { frame: '[data-testid^="key-"]', targets: DESK_TARGETS, least: 43.5 }), `the board at ${size.width}`).toEqual([]);
    await shot(command, `real-3-board-${size.width}`);
  }
  await shown(warden, 'evacuate');
  expect(await faults(warden, { frame: 'header, footer, nav, .answers', targets: 'button', least: 43.5 })).toEqual([]);
  await shot(warden, 'real-3-warden');

  // The scene reports with figures, the room adds what no phone reports, and the brigade hands the scene back.
  await figures(warden, 'evacuate', 'head_count', { present: 120, missing: 0 });
  await figures(warden, 'rescue', 'casualties', { count: 1, accounted: 1 });
  await shown(post, 'extinguish');
  await post.getByTestId('reply-fire_out').tap();
  await met(command, ['call_119', 'extinguished', 'head_count', 'injured', 'others']);
  await command.getByTestId('open-name_watch').click();
  await command.getByTestId('field-name_watch-person').selectOption('post2');
  await command.getByTestId('verb-name_watch').click();
  await met(command, ['watch']);
  await command.getByTestId('open-brigade_command').click();
  await command.getByTestId('field-brigade_command-name').fill('消防站 陈队长');
  await command.keyboard.press('Enter');
  await command.getByTestId('command-brigade').waitFor();
  await shot(command, 'real-4-board');
  await command.getByTestId('verb-handed_back').click();
  await met(command, ['scene']);
  for (const id of ['evacuate', 'rescue']) await done(warden, id);
  await warden.getByTestId('guard-idle').waitFor();
  await hold(command.getByTestId('verb-all_clear'));
  await step(room, 'all_clear', 'done');

  // Everything is put back in the daemon's order: what waits has no button until its turn has come.
  const restored = command.getByTestId('restore-board');
  await restored.waitFor();
  expect(await command.getByTestId('verb-restore-GAS-VALVE').count()).toBe(0);
  await shot(command, 'real-5-restore');
  const items = await restored.locator('li').evaluateAll((all) => all.map((item) => item.getAttribute('data-testid') ?? ''));
  expect(items.length).toBeGreaterThan(10);
  for (const item of [...items.filter((id) => id !== 'restore-GAS-VALVE'), 'restore-GAS-VALVE']) {
    await command.getByTestId('field-restore-person').selectOption('chief-eng');
    await command.getByTestId(`verb-${item}`).click();
    await command.locator(`[data-testid="${item}"][data-done="true"]`).waitFor();
  }
  await shot(command, 'real-6-restored');

  // The alarm is over in the field: the room silences and resets the panel, and the fire is closed.
  await here.campus.sim('/points/P1-005/normal');
  await room.getByTestId('step-restore').waitFor();
  await room.getByTestId('verb-stop_sounders').click();
  await hold(room.getByTestId('verb-reset'));
  await until('the incident is closed', async () => (await room.getByTestId('lamp-fire').innerText()).includes('0/0'));
  await shot(room, 'real-7-closed');

  await room.getByTestId('key-F10').click();
  const timeline = room.getByTestId('timeline');
  await timeline.waitFor();
  const lines = await until('the record has its lines', async () => {
    const text = await timeline.innerText();
    return text.includes('119') && text.split('\n').length > 20 ? text : null;
  });
  expect(lines.split('回报 真火')).toHaveLength(2);
  expect(lines).not.toMatch(/\b[a-z]+\.[a-z_]+\.?[a-z_]*\b|\{\w+\}/);
  await shot(room, 'real-3-timeline');
});
