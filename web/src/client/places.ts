/** Places of the campus that a person can name: compartments, and the rooms in which devices stand. Pure: words in, places out. */
import type { PointDoc, SiteDoc, Text } from '../documents';

export interface Place { compartment: string; building: string; floor: string; room: string | null; name: Text; where: Text }

const joined = (zh: (string | undefined)[], en: (string | undefined)[]): Text => ({ zh: zh.filter(Boolean).join(' '), en: en.filter(Boolean).join(', ') });

/** Every place, compartments before their rooms. */
export function placesOf(site: SiteDoc, points: Iterable<PointDoc>): Place[] {
  const rooms = new Map<string, Map<string, Text>>();
  for (const { compartment, room } of points) {
    if (!room.zh) continue;
    const held = rooms.get(compartment) ?? new Map<string, Text>();
    rooms.set(compartment, held.set(room.zh, room));
  }
  return site.compartments.flatMap((compartment) => {
    const building = site.buildings.find((item) => item.id === compartment.building);
    const floor = building?.floors.find((item) => item.id === compartment.floor);
    const base = { compartment: compartment.id, building: compartment.building, floor: compartment.floor };
    const where = joined([building?.name.zh, floor?.name.zh], [building?.name.en, floor?.name.en]);
    const inside = joined([where.zh, compartment.name.zh], [where.en, compartment.name.en]);
    const found = [...(rooms.get(compartment.id)?.values() ?? [])];
    return [
      { ...base, room: null, name: compartment.name, where },
      ...found.map((room) => ({ ...base, room: room.zh, name: room, where: inside })),
    ];
  });
}

const flat = (words: string) => words.toLowerCase().replaceAll(/\s+/g, '');

/** Every word that was typed stands somewhere in the place's names. What bears it itself comes first, and shorter names: 205 before 2051. */
export function search(places: Place[], typed: string, most: number): Place[] {
  const words = typed.split(/\s+/).map(flat).filter(Boolean);
  if (!words.length) return [];
  const fits = places.filter((place) => {
    const all = flat(`${place.where.zh} ${place.name.zh} ${place.where.en} ${place.name.en} ${place.compartment}`);
    return words.every((word) => all.includes(word));
  });
  const own = ({ name }: Place) => words.filter((word) => flat(`${name.zh} ${name.en}`).includes(word)).length;
  return fits.sort((a, b) => own(b) - own(a) || a.name.zh.length - b.name.zh.length).slice(0, most);
}
