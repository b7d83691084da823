/** The pages themselves: what they do without a daemon, at both sizes, for everybody's eyes, and before the first key. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { desk, guard, shot, sound } from './browser';
import { DESK_TARGETS, faults, SIZES } from './fit';
import { stage } from './stage';
import { until } from './until';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What a page that lost its daemon cannot help logging. */
const LOST = [/Failed to load resource/, /WebSocket connection to/, /net::ERR_/];

const here = stage(['operator', 'post2']);
const firstAlarm = (page: Page) => page.getByTestId('first-alarm').getAttribute('data-incident');

test('a daemon that is killed leaves a stale picture, and the same incident comes back with it', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http));
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  await here.campus.sim('/points/P1-010/alarm');
  const incident = await until('an incident is open', () => firstAlarm(room));
  // The receipt is heard: nothing but the answer below is unsent.
  await post.locator('[data-testid="order-card"][data-state="received"]').waitFor();
  here.allowed = LOST;
  await here.campus.kill();
  await room.getByTestId('stale-banner').waitFor({ timeout: 8_000 });
  await shot(room, 'stale-desk');
  await until('the phone says offline', async () => (await post.getByTestId('guard-online').getAttribute('data-online')) === 'false', 12_000);
  // Answered without any way out: it stays on the phone and says so.
  await post.getByTestId('reply-accept').tap();
  await until('one answer is unsent', async () => (await post.getByTestId('guard-unsent').innerText()).endsWith('1'));
  await shot(post, 'offline-guard');

  await here.campus.run();
  await room.getByTestId('stale-banner').waitFor({ state: 'detached' });
  expect(await firstAlarm(room)).toBe(incident);
  await post.locator('[data-testid="order-card"][data-state="accepted"]').waitFor();
  await until('nothing is unsent', async () => (await post.getByTestId('guard-unsent').innerText()).endsWith('0'));
});

test('an answer that was not sent survives a reload of the page', async () => {
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  await here.campus.sim('/points/P1-001/alarm');
  await post.locator('[data-testid="order-card"][data-state="received"]').waitFor();
  here.allowed = LOST;
  await here.campus.kill();
  await post.getByTestId('reply-accept').tap();
  await until('one answer is unsent', async () => (await post.getByTestId('guard-unsent').innerText()).endsWith('1'));
  await here.campus.run();
  await post.reload();
  await post.locator('[data-testid="order-card"][data-state="accepted"]').waitFor();
  await until('nothing is unsent', async () => (await post.getByTestId('guard-unsent').innerText()).endsWith('0'));
});

test('without a gesture both pages say that their sound is off', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http));
  await room.reload();
  await room.getByTestId('sound-banner').waitFor();
  expect(await sound(room)).toBe('blocked');
  await room.keyboard.press('Tab');
  await room.getByTestId('sound-banner').waitFor({ state: 'detached' });
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  await post.reload();
  await post.getByTestId('guard-sound-banner').waitFor();
  await post.getByTestId('guard-idle').tap();
  await post.getByTestId('guard-sound-banner').waitFor({ state: 'detached' });
});

test('the desk fits both screens in both languages: nothing scrolls sideways, no lamp is cut, every command is 44 px', async () => {
  await here.campus.sim('/points/P1-003/alarm');
  for (const size of SIZES) {
    const room = await here.opened(desk(here.browser, here.campus.http, 'operator', size));
    await room.getByTestId('verb-confirm_fire').or(room.getByTestId('verb-take')).first().waitFor();
    const frame = '[data-testid^="lamp-"], [data-testid="first-alarm"], [data-testid="elapsed"], [data-testid^="key-"], [data-testid="linkage-mode"], [data-testid="panel-key"]';
    for (const language of ['zh', 'en']) {
      if (language === 'en') await room.getByTestId('language').click();
      await shot(room, `fit-${size.width}-${language}`);
      const found = await faults(room, { frame, targets: DESK_TARGETS, least: 43.5 });
      expect(found, `${size.width} ${language}`).toEqual([]);
    }
  }
});

test('the phone fits 390 and 360: nothing scrolls sideways, every answer is 44 px', async () => {
  await here.campus.sim('/points/P1-003/alarm');
  for (const size of [{ width: 390, height: 844 }, { width: 360, height: 800 }]) {
    const post = await here.opened(guard(here.browser, here.campus.http, 'post2', size));
    await post.getByTestId('order-card').waitFor();
    expect(await faults(post, { frame: 'header, footer, .answers', targets: 'button', least: 43.5 })).toEqual([]);
  }
});

/** What axe finds against WCAG 2 A and AA. Run through the debugger: the page's content policy admits no foreign script. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    type Result = { violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[] };
    const { axe } = window as unknown as { axe: { run(root: Document, how: unknown): Promise<Result> } };
    const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary ?? ''}`));
  });
}

test('axe finds nothing on either page, at rest and in an alarm, by night and by day', async () => {
  const room = await here.opened(desk(here.browser, here.campus.http, 'operator', { width: 1366, height: 768 }));
  const post = await here.opened(guard(here.browser, here.campus.http, 'post2'));
  // A flash has a dark half by intent; who asks for less motion gets a steady frame, and that is what is measured.
  for (const page of [room, post]) await page.emulateMedia({ reducedMotion: 'reduce' });
  const check = async (what: string) => {
    for (const theme of ['night', 'day']) {
      for (const [name, page] of [['desk', room], ['guard', post]] as const) {
        await page.evaluate((to) => void (document.documentElement.dataset['theme'] = to), theme);
        expect(await violations(page), `${name} ${what} ${theme}`).toEqual([]);
      }
    }
  };
  await check('at rest');
  for (const [screen, shown] of [['floor', 'point-detail'], ['linkage', 'linkage-D1-LIFT'], ['timeline', 'timeline'], ['home', 'post-post2']] as const) {
    await room.evaluate((to) => void (location.hash = `#/${to}`), screen);
    await room.getByTestId(shown).waitFor();
    expect(await violations(room), `desk ${screen}`).toEqual([]);
  }
  await here.campus.sim('/points/P1-012/alarm');
  await post.getByTestId('reply-accept').waitFor();
  await room.getByTestId('verb-take').waitFor();
  await check('in an alarm');
  await post.getByTestId('reply-accept').tap();
  await post.getByTestId('reply-arrive').tap();
  await post.getByTestId('reply-false').waitFor();
  await check('at the verdict');
});
