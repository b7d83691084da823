/** What people enter by hand, and several incidents at once: reports, answers by radio, a room that is lost, who may only look. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { desk, guard, hold, shot, sound } from './browser';
import { stage } from './stage';
import { until } from './until';

const here = stage(['operator', 'leader', 'school']);
const M = { width: 1366, height: 768 };
const cards = (page: Page) => page.getByTestId('incident-strip').locator('[data-testid^="incident-F"]');
const order = (page: Page) => cards(page).evaluateAll((all) => all.map((card) => card.getAttribute('data-testid')));

test('three incidents stand side by side, the first alarm stays, and what the pointer is on does not move', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http, 'operator', M));
  const stand = (count: number) => until(`${count} stand side by side`, async () => (await cards(room).count()) === count);
  await here.campus.sim('/points/P1-003/alarm');
  const first = await until('the first incident', () => room.getByTestId('first-alarm').getAttribute('data-incident'));
  await here.campus.sim('/points/P1-033/alarm');
  await stand(2);
  expect((await order(room))[0]).toBe(`incident-${first}`);
  // A second compartment of the other building, then a second device of it: both more urgent than the first. What is under the
  // pointer stays where it is until the pointer is gone.
  await cards(room).first().hover();
  await here.campus.sim('/points/P1-027/alarm');
  await stand(3);
  expect((await order(room))[0]).toBe(`incident-${first}`);
  await here.campus.sim('/points/P1-028/alarm');
  await cards(room).and(room.locator('[data-class="suspected"]')).waitFor();
  expect((await order(room))[0]).toBe(`incident-${first}`);
  await room.mouse.move(700, 500);
  await until('the other building is first', async () => (await order(room))[2] === `incident-${first}`);
  expect(await room.getByTestId('first-alarm').getAttribute('data-incident')).toBe(first);
  await until('the room hears the fire', async () => (await sound(room)) === 'fire');
  await shot(room, 'three-1366');
  // Whatever is more urgent, the screen shows what it showed.
  expect(await room.locator(`[data-testid="incident-${first}"]`).getAttribute('aria-pressed')).toBe('true');
  expect(await room.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  for (const size of [M, { width: 1920, height: 1080 }]) {
    await room.setViewportSize(size);
    for (const card of await cards(room).all()) {
      const cut = await card.evaluate((element) => [...element.querySelectorAll<HTMLElement>('.place, .top, .foot')].some((part) => part.scrollWidth > part.clientWidth + 1));
      expect(cut, await card.innerText()).toBe(false);
    }
  }
  await shot(room, 'three-1920');
  await room.keyboard.press('F2');
  await until('one is taken by its key', async () => (await room.locator('[data-testid="incident-strip"] .untaken').count()) < 6);
});

test('the desk reports a fire by hand, and an answer by radio takes two keys', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http));
  await room.keyboard.press('F5');
  await room.getByTestId('report-place').fill('宿舍 205');
  await room.keyboard.press('Enter');
  await room.getByTestId('report-chosen').getByText('205').waitFor();
  await room.getByTestId('report-caller').fill('李同学');
  await room.getByTestId('report-text').fill('闻到焦味');
  await shot(room, 'report-desk');
  await room.getByTestId('report-send').click();
  await room.getByTestId('reported').waitFor();
  await until('the alarm names the room', async () => (await room.getByTestId('first-alarm').innerText()).includes('205'));
  await shot(room, 'report-incident');
  // Nobody's phone is on: the post answers by radio.
  const number = room.locator('[data-testid^="record-open-"]').first();
  await number.waitFor();
  await room.keyboard.press('1');
  await room.getByTestId('record-sheet').waitFor();
  await shot(room, 'record-sheet');
  await room.keyboard.press('1');
  await room.getByTestId('record-sheet').waitFor({ state: 'detached' });
  await room.locator('[data-testid^="order-F"][data-state="accepted"]').waitFor();
});

test('a hold at the place reports at once', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http));
  await room.getByTestId('key-F5').click();
  await room.getByTestId('report-building-D1').click();
  await hold(room.getByTestId('report-now-D1-2A'));
  await room.getByTestId('steps').waitFor();
  expect(await room.getByTestId('first-alarm').getAttribute('data-incident')).toBeTruthy();
});

test('an alarm that nobody takes rings at the second station, which takes over', async () => {
  const second = await here.opened(desk(here.browser, here.campus.http, 'leader', M));
  await second.evaluate(() => localStorage.setItem('fengsui.station', 'second'));
  await second.reload();
  await second.getByTestId('lamp-fire').waitFor();
  await second.keyboard.press('Shift');
  const room = await here.opened(desk(here.browser, here.campus.http));
  const phone = await here.opened(guard(here.browser, here.campus.http, 'leader'));
  await here.campus.sim('/points/P1-003/alarm');
  await second.locator('[data-testid="room-lost"][data-station="second"]').waitFor({ timeout: 45_000 });
  await room.locator('[data-testid="room-lost"][data-station="first"]').waitFor();
  await phone.getByTestId('room-lost').waitFor();
  await until('the second station hears it', async () => (await sound(second)) === 'fire');
  await shot(second, 'room-lost-second');
  await shot(room, 'room-lost-first');
  await shot(phone, 'room-lost-phone');
  await hold(second.getByTestId('verb-take_over'));
  await second.getByTestId('room-lost').waitFor({ state: 'detached' });
  await room.getByTestId('authority').waitFor();
  await phone.getByTestId('room-lost').waitFor({ state: 'detached' });
});

test('who may only look has nothing to press', async () => {
  const school = await here.opened(desk(here.browser, here.campus.http, 'school', M));
  await here.campus.sim('/points/P1-003/alarm');
  await school.getByTestId('steps').waitFor();
  await school.getByTestId('only-look').waitFor();
  for (const verb of ['[data-testid^="verb-"]', '[data-testid="key-F2"]', '[data-testid="key-F5"]']) expect(await school.locator(verb).count(), verb).toBe(0);
  await shot(school, 'school');
});
