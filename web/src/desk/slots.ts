/** Which incidents stand side by side, and where. Pure: the strip asks it whenever the order, the pointer or the choice changes. */

export interface Hand {
  /** The incident under the pointer or the keyboard's focus: it keeps its place, whatever comes. */
  pointed: string | null;
  /** The pointer is moving in the strip: every place stays as it is. */
  moving: boolean;
  /** The incident that the screen shows: always one of those side by side. */
  chosen: string | null;
}

/** `urgent` is the daemon's order, most urgent first; `before` is what stands there now. */
export function arrange(urgent: string[], before: string[], hand: Hand, size: number): string[] {
  const stay = before.filter((id) => urgent.includes(id));
  if (hand.moving) return [...stay, ...urgent.filter((id) => !stay.includes(id))].slice(0, Math.max(size, stay.length));
  const wanted = urgent.slice(0, size);
  const { chosen, pointed } = hand;
  if (chosen !== null && urgent.includes(chosen) && !wanted.includes(chosen)) wanted.splice(size - 1, 1, chosen);
  const place = pointed === null ? -1 : before.indexOf(pointed);
  if (pointed === null || place < 0 || !urgent.includes(pointed)) return wanted;
  const others = wanted.filter((id) => id !== pointed);
  // The least urgent makes room, but never the one that the screen shows.
  if (others.length === size) others.splice(others.at(-1) === chosen && size > 1 ? size - 2 : size - 1, 1);
  others.splice(place, 0, pointed);
  return others;
}
