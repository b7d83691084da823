/** Whether a page fits its screen. */
import type { Page } from 'playwright-core';

export const SIZES = [{ width: 1366, height: 768 }, { width: 1920, height: 1080 }];
export const DESK_TARGETS = '[data-testid^="verb-"], [data-testid^="key-"], [data-testid^="incident-F"]';

/** Elements whose text is cut although they are not allowed to cut it, targets that are too small, commands that lie over each other. */
export function faults(page: Page, { frame, targets, least }: { frame: string; targets: string; least: number }): Promise<string[]> {
  return page.evaluate(
    ({ frame, targets, least }) => {
      const found: string[] = [];
      const root = document.documentElement;
      if (root.scrollWidth > root.clientWidth) found.push(`the page scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
      const name = (element: Element) => `${element.tagName} ${element.getAttribute('data-testid') ?? element.className} "${element.textContent?.trim().slice(0, 24)}"`;
      const isShown = (element: Element) => element.getBoundingClientRect().width > 0;
      for (const element of document.querySelectorAll<HTMLElement>(frame)) {
        if (!isShown(element)) continue;
        for (const part of [element, ...element.querySelectorAll<HTMLElement>('*')]) {
          const cuts = getComputedStyle(part).overflowX === 'hidden' && part.scrollWidth > part.clientWidth + 1;
          if (cuts && part.textContent?.trim()) found.push(`cut: ${name(part)}`);
        }
        const box = element.getBoundingClientRect();
        if (box.right > innerWidth + 1 || box.bottom > innerHeight + 1) found.push(`outside the screen: ${name(element)}`);
      }
      for (const element of document.querySelectorAll<HTMLElement>(targets)) {
        if (!isShown(element)) continue;
        const { width, height } = element.getBoundingClientRect();
        if (width < least || height < least) found.push(`small: ${name(element)} ${Math.round(width)}x${Math.round(height)}`);
      }
      // What is pressed and what is chosen: inside its list, and none over another.
      for (const list of document.querySelectorAll('.verbs')) {
        const edge = list.getBoundingClientRect().right;
        const controls = [...list.querySelectorAll('button, select')].filter((one) => isShown(one) && !one.matches('.sr'));
        for (const [index, one] of controls.entries()) {
          const a = one.getBoundingClientRect();
          if (a.right > edge + 1) found.push(`outside its list: ${name(one)}`);
          const covers = (b: DOMRect) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
          for (const other of controls.slice(index + 1)) if (covers(other.getBoundingClientRect())) found.push(`one over the other: ${name(one)} and ${name(other)}`);
        }
      }
      return found;
    },
    { frame, targets, least },
  );
}
