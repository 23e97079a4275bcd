import type { sense as en } from '../en/sense.ts';
import { number, plural } from '../format.ts';
import type { Translation } from '../translation.ts';

const count = (n: number) => number(n, { maximumFractionDigits: 0 });
const samples = (n: number) => `${count(n)} ${plural(n, 'Messwert', 'Messwerte')}`;

export const sense: Translation<typeof en> = {
  title: () => 'Dieses Gerät verwenden',
  intro: () => 'Eigene Sensoren mitbringen: Was sie messen, geht zum Server und ist live zu sehen. Fehlt die Verbindung, geht nichts verloren.',
  signInTitle: () => 'Zum Messen anmelden',
  signInText: () => 'Was Sie messen, gehört zu Ihrem Konto. Niemand sonst sieht es, solange Sie es nicht teilen.',
  wake: (state) =>
    ({
      off: '',
      held: 'Der Bildschirm bleibt an, solange diese Seite misst.',
      away: 'Der Bildschirm kann ausgehen, solange Sie eine andere Seite ansehen.',
      unsupported: 'Dieser Browser kann den Bildschirm nicht anlassen: Stellen Sie ihn auf Dauer ein, sonst hören Sensoren auf, wenn er ausgeht.',
      refused: 'Der Bildschirm kann ausgehen: Der Browser lässt ihn gerade nicht an, zum Beispiel weil der Akku schwach ist.',
    })[state],

  add: () => 'Sensor hinzufügen',
  kind: (kind) =>
    ({
      bluetooth: 'Bluetooth-Gerät',
      motion: 'Bewegung',
      orientation: 'Ausrichtung',
      location: 'Position',
      microphone: 'Schallpegel',
      marker: 'Markierung',
      demo: 'Demo-Herz',
    })[kind],
  kindText: (kind) =>
    ({
      bluetooth: 'Herzgurte, Polar, Movesense, Thingy:52, Pulsoximeter, Thermometer, Fahrräder und mehr',
      motion: 'Beschleunigung und Drehung dieses Telefons oder Tablets',
      orientation: 'Wie dieses Telefon oder Tablet gedreht ist',
      location: 'Wo dieses Gerät ist',
      microphone: 'Wie laut es ist. Gesendet wird nur der Pegel, nie der Ton',
      marker: 'Eine Taste, die einen Zeitpunkt markiert',
      demo: 'Ein erfundenes EKG, um alles ohne Sensor auszuprobieren',
    })[kind],
  allDevices: () => 'Alle Bluetooth-Geräte auflisten',
  nothingPicked: () => 'Es wurde kein Gerät gewählt.',
  insecure: () => 'Browser erlauben das nur über https (oder auf localhost). Öffnen Sie diesen Server unter seiner https-Adresse.',
  unsupported: () => 'Dieser Browser oder dieses Gerät hat dafür nichts.',
  noBluetooth: (browser) =>
    ({
      'safari-ios': 'Browser auf iPhone und iPad haben kein Web Bluetooth. Nehmen Sie die App Bluefy, die es hat, oder Chrome auf Android oder einem Computer.',
      safari: 'Safari hat kein Web Bluetooth. Nehmen Sie Chrome, Edge oder Opera auf diesem Mac.',
      firefox: 'Firefox hat kein Web Bluetooth. Nehmen Sie Chrome, Edge oder Opera, auf diesem Computer oder auf Android.',
      chromium: 'Web Bluetooth ist in diesem Browser ausgeschaltet. Unter Linux wird es bei chrome://flags/#enable-web-bluetooth eingeschaltet, in Brave bei brave://flags/#brave-web-bluetooth-api.',
      other: 'Dieser Browser hat kein Web Bluetooth. Nehmen Sie Chrome, Edge oder Opera auf einem Computer oder auf Android.',
    })[browser],

  sensors: () => 'Sensoren dieses Browsers',
  none: () => 'Noch keine Sensoren',
  noneText: () => 'Wählen Sie oben einen aus. Das Demo-Herz braucht nichts und zeigt alles.',
  state: (state) =>
    ({
      stopped: 'Angehalten',
      starting: 'Verbindet …',
      live: 'Misst',
      waiting: 'Verbindet neu',
      tap: 'Zum Verbinden tippen',
      failed: 'Kann nicht messen',
    })[state],
  why: (why) =>
    ({
      unsupported: 'Dieser Browser oder dieses Gerät hat dafür nichts.',
      insecure: 'Browser erlauben das nur über https oder auf localhost.',
      denied: 'Die Erlaubnis fehlt. Erteilen Sie sie in den Einstellungen des Browsers für diese Seite und starten Sie neu.',
      off: 'Bluetooth ist aus, oder dieses Gerät hat keines. Schalten Sie es ein und versuchen Sie es noch einmal.',
      silent: 'Es kommt nichts. Prüfen Sie, ob das Gerät an ist, getragen wird und in der Nähe ist.',
      noProfile: 'Das Gerät ist verbunden, bietet aber nichts, was hier verstanden wird. Vielleicht verwendet es gerade eine andere App: Schließen Sie diese und versuchen Sie es noch einmal.',
    })[why],
  retryAt: (seconds) => (seconds > 0 ? `Nächster Versuch in ${count(seconds)} s` : 'Versucht es gerade'),
  start: () => 'Starten',
  connect: () => 'Verbinden',
  connectNow: () => 'Jetzt verbinden',
  stop: () => 'Anhalten',
  more: (name) => `Mehr zu ${name}`,
  rename: () => 'Umbenennen',
  renameTitle: (name) => `„${name}“ umbenennen`,
  name: () => 'Name',
  save: () => 'Speichern',
  room: () => 'Raum',
  roomTitle: (name) => `„${name}“ in einem Raum teilen`,
  roomText: () => 'Mitglieder des Raums sehen den Sensor, solange er misst.',
  noRoom: () => 'Kein Raum: nur Sie',
  inRoom: (room) => `Im Raum ${room}`,
  remove: () => 'Entfernen',
  removed: (name) => `„${name}“ wurde hier entfernt. Was gemessen wurde, bleibt auf dem Server.`,
  open: () => 'Seite des Sensors öffnen',

  trace: (name) => `Live-Kurve von ${name}`,
  readings: (name) => `Neueste Werte von ${name}`,
  attribute: () => 'Messgröße',
  value: () => 'Wert',
  noReadings: () => 'Es wurde noch nichts gemessen.',
  battery: () => 'Akku',
  contact: () => 'Kontakt',
  contactYes: () => 'Ja',
  contactNo: () => 'Nein: befeuchten oder fester anlegen',
  signal: () => 'Signal',
  signalOf: (dBm) => `${count(dBm)} dBm`,
  rate: () => 'Rate',
  rateOf: (perSecond) => `${number(perSecond, { maximumFractionDigits: perSecond < 10 ? 1 : 0 })}/s`,
  refused: () => 'Fehlerhafte Pakete',
  refusedText: (n, last) => `${count(n)}, nicht verwendet. Das letzte: ${last}`,

  sending: () => 'Übertragung',
  delivery: (state) =>
    ({
      none: 'Nicht verbunden',
      waiting: 'Ein anderer Tab sendet für diesen Sensor',
      offline: 'Keine Verbindung: Gemessenes wird hier aufbewahrt',
      online: 'Verbunden',
      ended: 'Der Server nimmt diesen Sensor nicht an',
      closed: 'Nicht verbunden',
    })[state],
  level: () => 'Aufmerksamkeit',
  levelOf: (level) =>
    ({
      high: 'Hoch: Jemand sieht genau hin',
      medium: 'Mittel: Jemand hat ihn auf dem Bildschirm',
      low: 'Niedrig: Jemand hat ihn in der Nähe',
      none: 'Keine: Niemand sieht hin',
    })[level],
  batches: () => 'Pakete',
  batchesOf: (size, window) => `${samples(size)} oder ${window}`,
  paused: () => 'Vom Server angehalten: Gemessenes wartet hier',
  acknowledged: () => 'Auf dem Server',
  waiting: () => 'Wartet hier',
  samples,
  lost: () => 'Verloren',
  lostText: (n) => `${samples(n)}: Der Ausgang ist voll, oder der Server hat sie abgelehnt`,

  mark: () => 'Markieren',
  markText: () => 'Was geschieht (freiwillig)',
  marked: (n) => `${count(n)} ${plural(n, 'Markierung', 'Markierungen')}`,
  failed: (name, reason) => `${name}: ${reason}`,
};
