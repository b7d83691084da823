/** Pages for tests: the desk and the guard's phone, signed on, with an ear for console errors. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';
import { PASSWORD } from './campus';
import { until } from './until';

const CHROMIUM = process.env['FENGSUI_CHROMIUM'] ?? '/usr/bin/chromium';
export const DESK = { width: 1920, height: 1080 };
export const PHONE = { width: 390, height: 844 };

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });

/** A page and what its console complained about. */
export interface Seen { page: Page; context: BrowserContext; errors: string[] }

/** The question "am I signed on" is answered 401 before signing on, and a browser logs every such answer. */
const BY_DESIGN = [/\/api\/v1\/me$/];

export interface Options { width: number; height: number; touch?: boolean; url: string }

export async function open(browser: Browser, { width, height, touch, url }: Options): Promise<Seen> {
  const context = await browser.newContext({ viewport: { width, height }, hasTouch: touch ?? false, isMobile: touch ?? false, locale: 'zh-CN' });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    const where = message.location().url;
    if (message.type() === 'error' && !BY_DESIGN.some((known) => known.test(where))) errors.push(`${message.text()} (${where})`);
  });
  await page.goto(url);
  return { page, context, errors };
}

export async function desk(browser: Browser, http: string, account = 'operator', size = DESK): Promise<Seen> {
  const seen = await open(browser, { ...size, url: `${http}/` });
  await signOnDesk(seen.page, account);
  return seen;
}

export async function signOnDesk(page: Page, account: string): Promise<void> {
  await page.getByTestId('login-account').fill(account);
  await page.getByTestId('login-password').fill(PASSWORD);
  await page.getByTestId('login-submit').click();
  await page.getByTestId('lamp-fire').waitFor();
}

export async function guard(browser: Browser, http: string, account: string, size = PHONE): Promise<Seen> {
  const seen = await open(browser, { ...size, touch: true, url: `${http}/g` });
  const { page } = seen;
  await page.getByTestId('guard-account').fill(account);
  await page.getByTestId('guard-password').fill(PASSWORD);
  await page.getByTestId('guard-login').tap();
  await page.locator('[data-testid="check-mqtt"][data-good="true"]').waitFor();
  await page.locator('[data-testid="check-http"][data-good="true"]').waitFor();
  return seen;
}

/** Holds a button until it is no longer being held by itself: its deed is done. */
export async function hold(button: Locator): Promise<void> {
  await button.scrollIntoViewIfNeeded();
  const box = await button.boundingBox();
  if (!box) throw new Error('the button is not on the screen');
  const { mouse } = button.page();
  await mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await mouse.down();
  const holds = () => button.evaluate((element) => element.classList.contains('holding'), null, { timeout: 1_000 });
  await until('the hold begins', holds, 2_000);
  // A button that is gone has done its deed as well.
  await until('the hold ends', async () => !(await holds().catch(() => false)), 5_000);
  await mouse.up();
}

export const sound = (page: Page) => page.evaluate(() => document.documentElement.dataset['sound']);

/** A picture for people, when they ask for it. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env['FENGSUI_SHOTS'];
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
