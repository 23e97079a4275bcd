import type { AttentionLevel, DeviceState } from '@sensocto/client';
import type { SourceError, SourceKind, SourceState } from '../../sense/source.ts';
import type { Browser } from '../../sense/support.ts';
import type { WakeState } from '../../sense/wakeLock.ts';
import { number, plural } from '../format.ts';

const count = (n: number) => number(n, { maximumFractionDigits: 0 });
const samples = (n: number) => `${count(n)} ${plural(n, 'sample', 'samples')}`;

export const sense = {
  title: () => 'Use this device',
  intro: () => 'Bring your own sensors: what they measure goes to the server and can be seen live. Nothing is lost while the connection is away.',
  signInTitle: () => 'Sign in to bring sensors',
  signInText: () => 'What you measure belongs to your account. Nobody else sees it unless you share it.',
  wake: (state: WakeState) =>
    ({
      off: '',
      held: 'The screen stays on while this page measures.',
      away: 'The screen may go off while you look at another page.',
      unsupported: 'This browser cannot keep the screen on: set the screen to stay on, or sensors stop when it goes off.',
      refused: 'The screen may go off: the browser does not keep it on now, for example because the battery is low.',
    })[state],

  add: () => 'Add a sensor',
  kind: (kind: SourceKind) =>
    ({
      bluetooth: 'Bluetooth device',
      motion: 'Motion',
      orientation: 'Orientation',
      location: 'Position',
      microphone: 'Sound level',
      marker: 'Marker',
      demo: 'Demo heart',
    })[kind],
  kindText: (kind: SourceKind) =>
    ({
      bluetooth: 'Heart-rate straps, Polar, Movesense, Thingy:52, oximeters, thermometers, bikes and more',
      motion: 'Acceleration and rotation of this phone or tablet',
      orientation: 'How this phone or tablet is turned',
      location: 'Where this device is',
      microphone: 'How loud it is. Only the level is sent, never the sound',
      marker: 'A button that marks a moment',
      demo: 'A made-up ECG, to try everything without a sensor',
    })[kind],
  allDevices: () => 'List all Bluetooth devices',
  nothingPicked: () => 'No device was chosen.',
  insecure: () => 'Browsers allow this only over https (or on localhost). Open this server by its https address.',
  unsupported: () => 'This browser or device has nothing for it.',
  noBluetooth: (browser: Browser) =>
    ({
      'safari-ios': 'Browsers on iPhone and iPad have no Web Bluetooth. Use the app Bluefy, which has it, or Chrome on Android or a computer.',
      safari: 'Safari has no Web Bluetooth. Use Chrome, Edge or Opera on this Mac.',
      firefox: 'Firefox has no Web Bluetooth. Use Chrome, Edge or Opera, on this computer or on Android.',
      chromium: 'Web Bluetooth is switched off in this browser. On Linux switch it on at chrome://flags/#enable-web-bluetooth; in Brave at brave://flags/#brave-web-bluetooth-api.',
      other: 'This browser has no Web Bluetooth. Use Chrome, Edge or Opera on a computer or on Android.',
    })[browser],

  sensors: () => 'Sensors of this browser',
  none: () => 'No sensors yet',
  noneText: () => 'Choose one above. The demo heart needs nothing and shows everything.',
  state: (state: SourceState) =>
    ({
      stopped: 'Stopped',
      starting: 'Connecting…',
      live: 'Measuring',
      waiting: 'Reconnecting',
      tap: 'Tap to connect',
      failed: 'Cannot measure',
    })[state],
  why: (why: SourceError['why']) =>
    ({
      unsupported: 'This browser or device has nothing for it.',
      insecure: 'Browsers allow this only over https or on localhost.',
      denied: 'The permission was not given. Allow it in the settings of the browser for this page, then start again.',
      off: 'Bluetooth is off, or this device has none. Switch it on and try again.',
      silent: 'Nothing comes. Check that the device is on, worn and close by.',
      noProfile: 'The device is connected, but offers nothing that is understood here. It may be in use by another app: close that and try again.',
    })[why],
  retryAt: (seconds: number) => (seconds > 0 ? `Next attempt in ${count(seconds)} s` : 'Trying now'),
  start: () => 'Start',
  connect: () => 'Connect',
  connectNow: () => 'Connect now',
  stop: () => 'Stop',
  more: (name: string) => `More for ${name}`,
  rename: () => 'Rename',
  renameTitle: (name: string) => `Rename “${name}”`,
  name: () => 'Name',
  save: () => 'Save',
  room: () => 'Room',
  roomTitle: (name: string) => `Share “${name}” in a room`,
  roomText: () => 'Members of the room see the sensor while it is measured.',
  noRoom: () => 'No room: only you',
  inRoom: (room: string) => `In the room ${room}`,
  remove: () => 'Remove',
  removed: (name: string) => `“${name}” was removed here. What it measured stays on the server.`,
  open: () => 'Open its page',

  trace: (name: string) => `Live trace of ${name}`,
  readings: (name: string) => `Newest values of ${name}`,
  attribute: () => 'Attribute',
  value: () => 'Value',
  noReadings: () => 'Nothing was measured yet.',
  battery: () => 'Battery',
  contact: () => 'Contact',
  contactYes: () => 'Yes',
  contactNo: () => 'No: moisten it, or put it on tighter',
  signal: () => 'Signal',
  signalOf: (dBm: number) => `${count(dBm)} dBm`,
  rate: () => 'Rate',
  rateOf: (perSecond: number) => `${number(perSecond, { maximumFractionDigits: perSecond < 10 ? 1 : 0 })}/s`,
  refused: () => 'Bad packets',
  refusedText: (n: number, last: string) => `${count(n)}, not used. The last one: ${last}`,

  sending: () => 'Sending',
  delivery: (state: DeviceState | 'none') =>
    ({
      none: 'Not connected',
      waiting: 'Another tab sends for this sensor',
      offline: 'No connection: what is measured is kept here',
      online: 'Connected',
      ended: 'The server does not take this sensor',
      closed: 'Not connected',
    })[state],
  level: () => 'Attention',
  levelOf: (level: AttentionLevel) =>
    ({
      high: 'High: somebody looks closely',
      medium: 'Medium: somebody has it on the screen',
      low: 'Low: somebody has it nearby',
      none: 'None: nobody looks',
    })[level],
  batches: () => 'Batches',
  batchesOf: (size: number, window: string) => `${samples(size)} or ${window}`,
  paused: () => 'Paused by the server: what is measured waits here',
  acknowledged: () => 'On the server',
  waiting: () => 'Waiting here',
  samples,
  lost: () => 'Lost',
  lostText: (n: number) => `${samples(n)}: the outbox is full, or the server refused them`,

  mark: () => 'Mark',
  markText: () => 'What happens (optional)',
  marked: (n: number) => `${count(n)} ${plural(n, 'marker', 'markers')}`,
  failed: (name: string, reason: string) => `${name}: ${reason}`,
};
