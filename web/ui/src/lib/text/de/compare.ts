import type { compare as en } from '../en/compare.ts';
import type { Translation } from '../translation.ts';
import { number, plural } from '../format.ts';

export const compare: Translation<typeof en> = {
  choose: () => 'Was verglichen wird',
  all: () => 'Dieselbe Messgröße aller Sensoren',
  allOf: (name, count) => `Alle ${number(count)}: ${name}`,
  search: () => 'Sensoren und Messgrößen suchen',
  noneFound: () => 'Kein Sensor dieses Namens misst etwas Vergleichbares.',
  more: (n) => `Mehr zeigen (${number(n)} ${plural(n, 'Sensor', 'Sensoren')})`,
  moreQuantities: (n) => `Mehr zeigen (${number(n)} ${plural(n, 'Messgröße', 'Messgrößen')})`,
  full: (most) => `Höchstens ${number(most)} Kurven. Nehmen Sie welche weg, um andere zu zeigen.`,
  overlay: () => 'Gleichartige Kurven übereinander',
  copy: () => 'Link kopieren',
  copied: () => 'Der Link ist in der Zwischenablage. Wer ihn öffnet, sieht davon, was er sehen darf.',
  inAddress: () => 'Der Link steht in der Adresszeile.',
  clear: () => 'Leeren',
  cleared: () => 'Es wird nichts mehr verglichen.',
  nothing: () => 'Noch nichts zu vergleichen',
  nothingText: () => 'Wählen Sie mit einem Klick eine Messgröße aller Sensoren oder einzelne Messgrößen. Alle haben eine gemeinsame Zeitachse.',
  allQuantity: (q) => ({ heartrate: 'Alle Herzraten', position: 'Alle Positionen', gaze: 'Alle Blicke' })[q],
  positions: () => 'Positionen',
  gazes: () => 'Blick',
  onPlane: (what, there, all) => `${what} auf einer Ebene: ${there} von ${all}. Die Tabelle hat sie als Text.`,
  old: (age) => `(${age} alt)`,
  sensor: () => 'Sensor',
  place: () => 'Position',
  point: () => 'Punkt (x · y)',
  away: () => 'Vom ersten',
  way: () => 'Gezeigter Weg',
  missing: (ids) => `Nicht da oder nicht mit Ihnen geteilt: ${ids}`,
};
