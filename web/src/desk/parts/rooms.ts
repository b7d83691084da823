/** The rooms of a plan that hold an alarm: hatched under the walls, framed above them. A room is a shape with `data-room`. */
interface Spot { x: number; y: number }
const DRAWN = 'alarm-room';
const FRAME = 'alarm-frame';

/** The room that holds a spot of the plan. */
export function shapeAt(root: SVGSVGElement, spot: Spot): SVGGeometryElement | null {
  const at = new DOMPoint(spot.x, spot.y);
  for (const shape of root.querySelectorAll<SVGGeometryElement>('[data-room]')) {
    if (shape.isPointInFill?.(at)) return shape;
  }
  return null;
}

function copy(shape: SVGGeometryElement, name: string): SVGElement {
  const drawn = shape.cloneNode(false) as SVGElement;
  for (const attribute of ['data-room', 'id', 'fill', 'stroke', 'class']) drawn.removeAttribute(attribute);
  drawn.classList.add(name);
  return drawn;
}

/** Hatches the rooms of these spots, over the furniture and under the walls; gives their shapes. */
export function hatchRooms(root: SVGSVGElement, spots: Spot[]): SVGGeometryElement[] {
  for (const old of root.querySelectorAll(`.${DRAWN}, .${FRAME}`)) old.remove();
  const rooms = [...new Set(spots.map((spot) => shapeAt(root, spot)).filter((room) => room !== null))];
  const above = root.querySelector(':scope > .furniture') ?? root.querySelector(':scope > .floor');
  for (const room of rooms) above?.after(copy(room, DRAWN));
  return rooms;
}

export function frameRooms(root: SVGSVGElement, rooms: SVGGeometryElement[]): void {
  for (const room of rooms) root.append(copy(room, FRAME));
}
