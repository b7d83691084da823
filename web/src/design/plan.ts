/** The window of a plan: what part of the drawing is seen. Pure arithmetic; the viewer draws it. */
export interface Box { x: number; y: number; w: number; h: number }

/** The smallest box of this aspect (width / height) that holds another, same middle. */
export function withAspect(box: Box, aspect: number): Box {
  if (!(aspect > 0) || !Number.isFinite(aspect)) return box;
  const [w, h] = box.w / box.h < aspect ? [box.h * aspect, box.h] : [box.w, box.w / aspect];
  return { x: box.x + (box.w - w) / 2, y: box.y + (box.h - h) / 2, w, h };
}

/** Zoom by a factor (over 1 = closer) about a point of the plan, between the whole plan and a sixteenth of it. */
export function zoom(box: Box, whole: Box, factor: number, at: { x: number; y: number }): Box {
  const w = Math.min(whole.w * 1.05, Math.max(whole.w / 16, box.w / factor));
  const share = w / box.w;
  return { x: at.x - (at.x - box.x) * share, y: at.y - (at.y - box.y) * share, w, h: box.h * share };
}

/** Moves without losing the plan: its middle stays within reach. */
export function pan(box: Box, whole: Box, dx: number, dy: number): Box {
  const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);
  return {
    ...box,
    x: clamp(box.x + dx, whole.x - box.w / 2, whole.x + whole.w - box.w / 2),
    y: clamp(box.y + dy, whole.y - box.h / 2, whole.y + whole.h - box.h / 2),
  };
}

/** A closer look at a point: a third of the plan's width around it, kept inside the plan. */
export function around(whole: Box, at: { x: number; y: number }, aspect: number, share = 0.5): Box {
  const box = withAspect({ x: 0, y: 0, w: whole.w * share, h: whole.h * share }, aspect);
  const inside = (middle: number, size: number, low: number, length: number) =>
    size >= length ? low + (length - size) / 2 : Math.min(Math.max(middle - size / 2, low), low + length - size);
  return { x: inside(at.x, box.w, whole.x, whole.w), y: inside(at.y, box.h, whole.y, whole.h), w: box.w, h: box.h };
}

export function parseBox(viewBox: string | null): Box | null {
  const [x, y, w, h] = (viewBox ?? '').trim().split(/[\s,]+/).map(Number);
  if ([x, y, w, h].some((part) => part === undefined || !Number.isFinite(part))) return null;
  return { x: x as number, y: y as number, w: w as number, h: h as number };
}

const BANNED = new Set(['script', 'foreignobject', 'iframe', 'object', 'embed', 'audio', 'video', 'animate', 'set', 'a']);

/** A plan's drawing as an element that is safe to show: no script, nothing from elsewhere. The daemon cleans it too. */
export function cleanPlan(source: string): { root: SVGSVGElement; box: Box } | null {
  const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
  const root = parsed.documentElement;
  const box = parseBox(root.getAttribute('viewBox'));
  if (root.nodeName !== 'svg' || !box) return null;
  for (const element of [...root.querySelectorAll('*')]) {
    if (BANNED.has(element.localName.toLowerCase())) element.remove();
  }
  for (const element of [root, ...root.querySelectorAll('*')]) {
    for (const { name, value } of [...element.attributes]) {
      const outside = /href$/i.test(name) && !value.startsWith('#');
      if (/^on/i.test(name) || outside) element.removeAttribute(name);
    }
  }
  for (const [name, value] of [['x', box.x], ['y', box.y], ['width', box.w], ['height', box.h]] as const) {
    root.setAttribute(name, String(value));
  }
  return { root: document.importNode(root, true) as unknown as SVGSVGElement, box };
}
