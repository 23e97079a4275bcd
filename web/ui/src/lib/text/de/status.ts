import { number, timeShort } from '../format.ts';
import type { status as en } from '../en/status.ts';

const series: Readonly<Record<Parameters<typeof en.series>[0], string>> = {
  measurements: 'Angenommene Messwerte', delivered: 'An Betrachter gesendet', merged: 'Für langsame Betrachter zusammengefasst', connections: 'WebSockets', channels: 'Themen', watched: 'Betrachtete Sensoren',
  mailboxes: 'Messwerte in Postfächern', alerts: 'Wartende Alarme', outbound: 'Ausgangspuffer', journalPending: 'Journal, noch nicht auf Platte', unflushed: 'Warten auf die Datenbank',
  hot: 'Heiße Stufe', warm: 'Warme Stufe', resident: 'Prozess insgesamt', write50: 'Schreiben, Median', write99: 'Schreiben, 99 %', sync99: 'Journal fsync, 99 %', journal: 'Journal', database: 'Datenbank',
  lag: 'Rückstand', cpu: 'Prozessor', memory: 'Arbeitsspeicher', queues: 'Warteschlangen', factor: 'Faktor', high: 'Hoch', medium: 'Mittel', low: 'Niedrig', syncWait: 'Älteste wartende Änderung', syncLag99: 'Von der Änderung bis zum Abruf, 99 %',
};

export const status: typeof en = {
  level: (l) => ({ normal: 'Last normal', elevated: 'Last erhöht', high: 'Last hoch', critical: 'Last kritisch' })[l],
  limits: (cores, memory) => `${cores} Kerne, ${memory} Arbeitsspeicher`,
  factor: (f) => `Geräte sollen ${f}-mal so lange warten`,
  paused: () => 'Geräte pausieren: Der Arbeitsspeicher ist knapp',
  notRead: () => 'Der Status war nicht zu lesen; es wird wieder versucht',
  lessShown: () => 'Sie sehen die Last des Servers und die Sensoren, die Sie sehen dürfen. Verwalter sehen auch Verbindungen, Warteschlangen, Arbeitsspeicher und Speicher.',
  panel: (p) =>
    ({ throughput: 'Durchsatz', connections: 'Verbindungen', queues: 'Warteschlangen', buffers: 'Puffer', memory: 'Arbeitsspeicher', latency: 'Latenz der Datenbank', disk: 'Platte', load: 'Last', attention: 'Sensoren nach Aufmerksamkeit', sync: 'Teilen mit anderen Servern: Verzug' })[p],
  series: (s) => series[s],
  perSecond: (n) => `${n}/s`,
  clockOff: (offset, error) => `Die Uhr dieses Geräts geht gegenüber der des Servers ${number(Math.abs(offset), { maximumFractionDigits: 0 })} ms ${offset > 0 ? 'nach' : 'vor'}, auf ${number(error, { maximumFractionDigits: 1 })} ms genau`,
  clock: (t) => timeShort(t),
  sensors: () => 'Sensoren jetzt',
  perSensor: () => 'Durchsatz der aktivsten Sensoren',
  sensorTable: () => 'Raten und Aufmerksamkeit je Sensor',
  noSensors: () => 'Kein Sensor, den Sie sehen, ist verbunden oder wird betrachtet.',
  rate: () => 'Messwerte/s',
  attention: () => 'Aufmerksamkeit',
  levelOf: (a) => ({ none: 'Keine', low: 'Niedrig', medium: 'Mittel', high: 'Hoch' })[a],
  viewers: () => 'Betrachter',
  window: () => 'Sendefenster',
  waiting: () => 'Wartend',
  refused: () => 'Abgelehnt',
  notConnected: () => 'nicht verbunden',
  pausedNow: () => 'pausiert',
};
