import type { call as en } from '../en/call.ts';
import { number } from '../format.ts';
import type { Translation } from '../translation.ts';

const the = { audio: 'das Mikrofon', video: 'die Kamera' } as const;
const capital = { audio: 'Das Mikrofon', video: 'Die Kamera' } as const;
const kinds = { audio: 'Mikrofon', video: 'Kamera' } as const;
const seconds = (ms: number) => number(ms / 1000, { style: 'unit', unit: 'second', unitDisplay: 'narrow', minimumFractionDigits: 1, maximumFractionDigits: 2 });
const percent = (share: number) => number(share, { style: 'percent', maximumFractionDigits: 1 });

export const call: Translation<typeof en> = {
  call: () => 'Anruf',
  join: () => 'Am Anruf teilnehmen',
  joinWhy: () => 'Die anderen in diesem Raum sehen und hören. Vor der Teilnahme wird nichts gesendet.',
  leave: () => 'Anruf verlassen',
  cancel: () => 'Abbrechen',
  done: () => 'Fertig',
  controls: () => 'Mikrofon, Kamera und Bildschirm',
  you: () => 'Sie',
  state: (state, others) =>
    ({
      joining: 'Teilnahme beginnt…',
      joined: others === 0 ? 'Noch ist niemand sonst im Anruf' : `${others + 1} Personen im Anruf`,
      reconnecting: 'Der Server ist nicht erreichbar. Sie sehen und hören einander weiter; niemand kann dazukommen',
      ended: '',
    })[state],
  mute: () => 'Mikrofon ausschalten',
  unmute: () => 'Mikrofon einschalten',
  startCamera: () => 'Kamera einschalten',
  stopCamera: () => 'Kamera ausschalten',
  shareScreen: () => 'Bildschirm teilen',
  stopScreen: () => 'Bildschirm nicht mehr teilen',
  noScreen: () => 'Der Bildschirm kann hier nicht geteilt werden. Vielleicht muss das System es dem Browser erlauben.',
  muted: () => 'Mikrofon aus',
  cameraOff: () => 'Kamera aus',
  pictureOf: (who) => `Bild von ${who}`,
  screenOf: (who) => `Bildschirm von ${who}`,
  devices: () => 'Mikrofon und Kamera',
  devicesWhy: () => 'Eine Änderung gilt sofort, für alle im Anruf.',
  deviceKind: (kind) => kinds[kind],
  device: (kind, n) => `${kinds[kind]} ${n}`,
  standard: () => 'Standard',
  none: (kind) => `${{ audio: 'Kein', video: 'Keine' }[kind]} ${kinds[kind]}`,
  level: () => 'Pegel des Mikrofons',
  preview: () => 'Vorschau Ihrer Kamera',
  music: () => 'Musik und Atem',
  musicWhy: () => 'Sendet den Ton, wie er ist, ohne Echo- und Geräuschunterdrückung. Benutzen Sie Kopfhörer.',
  problem: (kind, problem) =>
    ({
      refused: `Der Browser erlaubt ${the[kind]} nicht. Erlauben Sie es in den Einstellungen der Website neben der Adresse, und wählen Sie neu.`,
      missing: `${capital[kind]} ist nicht da. Schließen Sie das Gerät an, oder wählen Sie ein anderes.`,
      busy: `Ein anderes Programm benutzt ${the[kind]}. Schließen Sie es, und wählen Sie neu.`,
      insecure: 'Browser geben Mikrofon und Kamera nur Seiten über https. Öffnen Sie diese Seite mit https.',
      unknown: `${capital[kind]} lässt sich nicht öffnen. Wählen Sie ein anderes Gerät.`,
    })[problem],
  elsewhere: () => 'Der Anruf geht in einem anderen Tab oder auf einem anderen Ihrer Geräte weiter.',
  speaks: () => 'spricht',
  moreSensors: (n) => `und ${number(n)} ${n === 1 ? 'weiterer Sensor' : 'weitere Sensoren'}`,
  moreValues: (n) => `und ${number(n)} weitere`,
  fullScreen: (what) => `${what} auf dem ganzen Bildschirm`,
  inWindow: (what) => `${what} in einem eigenen Fenster`,
  notShown: () => 'Der Browser zeigt das Bild nicht so.',
  pushToTalk: () => 'Zum Sprechen halten',
  pushToTalkWhy: () => 'Das Mikrofon ist nur an, solange Sie die Leertaste oder den Knopf halten.',
  holdToTalk: () => 'Zum Sprechen halten',
  talking: () => 'Man hört Sie',
  together: () => 'Kurven warten auf die Bilder',
  age: (picture, trace) =>
    [picture === undefined ? '' : `Bild ${seconds(picture)} alt`, trace === undefined ? '' : `Kurve ${seconds(trace)} alt`].filter(Boolean).join(', '),
  full: (limit) => `Der Anruf ist voll: höchstens ${limit} können teilnehmen. Versuchen Sie es wieder, wenn jemand gegangen ist.`,
  noRight: () => 'Nur Mitglieder des Raums mit einem Konto können am Anruf teilnehmen.',
  notJoined: (reason: string) => `Der Server hat Sie nicht in den Anruf gelassen (${reason}). Versuchen Sie es noch einmal; bleibt es dabei, sagen Sie es dem Betreiber.`,
  removed: () => 'Der Anruf ist für Sie zu Ende: Sie können nicht mehr in diesem Raum sein.',
  connection: (state, quality) => {
    if (state !== 'connected') return { connecting: 'Verbindet…', interrupted: 'Unterbrochen, neuer Versuch' }[state];
    return quality ? { good: 'Gute Verbindung', fair: 'Mäßige Verbindung', poor: 'Schlechte Verbindung' }[quality.rating] : 'Verbunden';
  },
  details: (quality) =>
    quality
      ? [
          `${percent(quality.loss)} verloren`,
          quality.roundTrip === undefined ? '' : `${number(Math.round(quality.roundTrip))} ms hin und zurück`,
          quality.width > 0 ? `${quality.width} × ${quality.height}` : '',
          quality.relayed ? 'über den Server' : 'direkt',
        ].filter(Boolean).join(', ')
      : '',
};
