import type { sensor as en } from '../en/sensor.ts';
import type { Translation } from '../translation.ts';
import { length, number, plural } from '../format.ts';

const formats = { csv: 'CSV: Tabelle', edf: 'EDF+: Biosignale', parquet: 'Parquet: zur Auswertung', wfdb: 'WFDB: PhysioNet-Aufzeichnung (ZIP)' } as const;

export const sensor: Translation<typeof en> = {
  interrupted: () => 'Verbindung unterbrochen: Verpasstes wird nachgelesen',
  lagged: (n) => `${number(n)} ${plural(n, 'Messung kam', 'Messungen kamen')} zusammengefasst: Das Netz ist langsam`,
  ended: () => 'Dieser Sensor ist für Sie nicht da',
  endedText: () => 'Er wurde entfernt oder wird nicht mehr mit Ihnen geteilt.',
  nothingYet: () => 'Noch nichts gemessen',
  nothingYetText: () => 'Sobald der Sensor sendet, erscheinen seine Messungen hier.',
  chooseAttributes: () => 'Wählen, was die Kurven zeigen',
  events: () => 'Ereignisse und Notizen',
  noEvents: () => 'Noch keine. M im Diagramm oder die Fahne darüber setzt eine Marke am Messcursor.',
  note: () => 'Notiz',
  noteHint: () => 'Was ist geschehen? Es wird als Ereignis des Sensors gespeichert und steht in seinen Exporten.',
  marker: () => 'Marke',
  removeNote: (text) => `Notiz „${text}“ entfernen`,
  noteRemoved: () => 'Notiz entfernt.',
  lastMinutes: (name) => `${name} in den letzten Minuten`,
  of: (name) => `von ${name}`,
  noPositions: () => 'Keine Positionen in der Zeit auf dem Bildschirm',
  noGaze: () => 'Kein Blick in der Zeit auf dem Bildschirm',
  gaze: (name, points) => `${name}: ${number(points)} ${plural(points, 'Punkt', 'Punkte')} auf dem Bildschirm`,
  way: (name, metres) => `${name}: ein Weg von ${length(metres)}`,
  export: () => 'Exportieren',
  exportText: () => 'Messungen, Ereignisse und Notizen als Datei für andere Programme.',
  format: () => 'Format',
  formatName: (f) => formats[f],
  stretch: () => 'Zeit',
  selection: () => 'Die Auswahl',
  onScreen: () => 'Was zu sehen ist',
  everything: () => 'Alles',
  attributes: () => 'Messgrößen',
  allAttributes: () => 'Alle',
  shownAttributes: () => 'Die gezeigten',
  resample: () => 'Abtastrate angleichen (Hz)',
  resampleHint: () => 'Dieses Format kennt nur gleichmäßige Signale. Unregelmäßige Messgrößen brauchen eine Rate; sonst leer lassen.',
  download: () => 'Herunterladen',
};
