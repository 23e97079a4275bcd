import type { lobby as en } from '../en/lobby.ts';
import type { Translation } from '../translation.ts';
import { number, plural } from '../format.ts';

const types: Readonly<Record<string, string>> = { heartrate: 'Puls', spo2: 'SpO₂', temperature: 'Temperatur', respiration: 'Atmung', respiration_rate: 'Atemzüge', battery: 'Akku', steps: 'Schritte' };

export const lobby: Translation<typeof en> = {
  typeName: (type, name) => (Object.hasOwn(types, type) ? types[type] : undefined) ?? name,
  sensors: () => 'Sensoren',
  search: () => 'Sensoren suchen',
  count: (total) => `${number(total)} ${plural(total, 'Sensor', 'Sensoren')}`,
  foundOf: (found, total) => `${number(found)} von ${number(total)} ${plural(total, 'Sensor', 'Sensoren')}`,
  view: () => 'Ansicht',
  show: () => 'Zeigen',
  lens: (l) =>
    ({ overview: 'Überblick', ecg: 'EKG', heartrate: 'Puls', respiration: 'Atmung', ppg: 'Pulswelle', motion: 'Bewegung', position: 'Position', battery: 'Akku' })[l],
  group: () => 'Gruppieren',
  grouping: (g) => ({ none: 'Ohne Gruppen', room: 'Gruppen nach Raum', source: 'Gruppen nach Quelle', type: 'Gruppen nach Art' })[g],
  others: (g) => (g === 'room' ? 'In keinem Raum' : 'Andere'),
  sort: () => 'Sortieren',
  sorting: (s) => ({ name: 'Sortiert nach Name', activity: 'Sortiert nach Aktivität', type: 'Sortiert nach Art' })[s],
  density: () => 'Größe der Kacheln',
  densityOf: (d) => ({ comfortable: 'Große Kacheln', compact: 'Mittlere Kacheln', dense: 'Kleine Kacheln' })[d],
  pinned: () => 'Angeheftet',
  pin: (name) => `${name} anheften`,
  unpin: (name) => `${name} lösen`,
  statusOf: (s) => ({ online: 'Sendet', idle: 'Verbunden, sendet nicht', offline: 'Offline', unknown: 'Nie gesehen' })[s],
  traceOf: (name) => `${name}, laufende Kurve`,
  orientationOf: (name) => `${name}, Lage`,
  trackOf: (name) => `${name}, Strecke`,
  trend: () => 'Verlauf der letzten Minute',
  nothingYet: () => 'Noch keine Messwerte',
  loading: () => 'Die Sensoren werden geladen…',
  nothingFound: () => 'Kein Sensor passt',
  nothingFoundText: () => 'Suchen Sie nach weniger, oder zeigen Sie alle.',
  showAll: () => 'Alle Sensoren zeigen',
  noSensors: () => 'Noch keine Sensoren',
  noSensorsText: () => 'Sobald ein Gerät sendet, erscheint es hier von selbst.',
  useThisDevice: () => 'Dieses Gerät als Sensor verwenden',
  api: () => 'Ein eigenes Gerät anschließen',
  simulate: () => 'Oder das Programm des Servers bringt simulierte Sensoren:',
  signInTitle: () => 'Melden Sie sich an, um Sensoren zu sehen',
  signInText: () => 'Dieser Server zeigt Sensoren nur Menschen mit einem Konto oder einem Zugangstoken.',
};
