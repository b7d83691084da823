/** What every browser test stands on: one browser, a campus of its own, the pages it opened, and no complaint on any console. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launch, type Seen, shot } from './browser';
import { Campus } from './campus';

export interface Stage {
  browser: Browser;
  /** There from the start of each test. */
  campus: Campus;
  /** Complaints that this test provokes. */
  allowed: RegExp[];
  opened(page: Promise<Seen>): Promise<Page>;
}

export function stage(accounts: string[], daemon: [string, string][] = []): Stage {
  let seen: Seen[] = [];
  let campus: Campus | null = null;
  const here = {
    allowed: [] as RegExp[],
    async opened(page: Promise<Seen>): Promise<Page> {
      const one = await page;
      seen.push(one);
      return one.page;
    },
  } as Stage;

  beforeAll(async () => void (here.browser = await launch()));
  afterAll(() => here.browser.close());
  beforeEach(async () => {
    here.allowed = [];
    campus = null;
    campus = await Campus.start(accounts, daemon);
    here.campus = campus;
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const name = task.name.replaceAll(/\W+/g, '-').slice(0, 40);
      for (const [n, { page }] of seen.entries()) await shot(page, `failed-${name}-${n}`).catch(() => undefined);
      console.error(campus?.lastLog);
    }
    const errors = seen.flatMap((one) => one.errors).filter((error) => !here.allowed.some((known) => known.test(error)));
    for (const { context } of seen) await context.close();
    seen = [];
    await campus?.stop();
    expect(errors).toEqual([]);
  });
  return here;
}
