import { number, plural } from '../format.ts';

// Short names of what common devices measure, for little space.
const types: Readonly<Record<string, string>> = { heartrate: 'Heart rate', spo2: 'SpO₂', temperature: 'Temperature', respiration: 'Breathing', respiration_rate: 'Breaths', battery: 'Battery', steps: 'Steps' };

export const lobby = {
  typeName: (type: string, name: string) => (Object.hasOwn(types, type) ? types[type] : undefined) ?? name,
  sensors: () => 'Sensors',
  search: () => 'Search sensors',
  count: (total: number) => `${number(total)} ${plural(total, 'sensor', 'sensors')}`,
  foundOf: (found: number, total: number) => `${number(found)} of ${number(total)} ${plural(total, 'sensor', 'sensors')}`,
  view: () => 'View',
  show: () => 'Show',
  lens: (l: 'overview' | 'ecg' | 'heartrate' | 'respiration' | 'ppg' | 'motion' | 'position' | 'battery') =>
    ({ overview: 'Overview', ecg: 'ECG', heartrate: 'Heart rate', respiration: 'Breathing', ppg: 'Pulse wave', motion: 'Motion', position: 'Position', battery: 'Battery' })[l],
  group: () => 'Group by',
  grouping: (g: 'none' | 'room' | 'source' | 'type') => ({ none: 'Not grouped', room: 'Grouped by room', source: 'Grouped by source', type: 'Grouped by type' })[g],
  others: (g: 'none' | 'room' | 'source' | 'type') => (g === 'room' ? 'In no room' : 'Others'),
  sort: () => 'Sort by',
  sorting: (s: 'name' | 'activity' | 'type') => ({ name: 'Sorted by name', activity: 'Sorted by activity', type: 'Sorted by type' })[s],
  density: () => 'Size of tiles',
  densityOf: (d: 'comfortable' | 'compact' | 'dense') => ({ comfortable: 'Large tiles', compact: 'Medium tiles', dense: 'Small tiles' })[d],
  pinned: () => 'Pinned',
  pin: (name: string) => `Pin ${name}`,
  unpin: (name: string) => `Unpin ${name}`,
  statusOf: (s: 'online' | 'idle' | 'offline' | 'unknown') => ({ online: 'Sending', idle: 'Connected, not sending', offline: 'Offline', unknown: 'Never seen' })[s],
  traceOf: (name: string) => `${name}, live trace`,
  orientationOf: (name: string) => `${name}, orientation`,
  trackOf: (name: string) => `${name}, track`,
  trend: () => 'Trend over the last minute',
  nothingYet: () => 'No measurements yet',
  loading: () => 'Asking for the sensors…',
  nothingFound: () => 'No sensor fits',
  nothingFoundText: () => 'Search for less, or show everything.',
  showAll: () => 'Show all sensors',
  noSensors: () => 'No sensors yet',
  noSensorsText: () => 'As soon as a device sends, it appears here by itself.',
  useThisDevice: () => 'Use this device as a sensor',
  api: () => 'Connect a device of your own',
  simulate: () => 'Or let the server’s program bring simulated sensors:',
  signInTitle: () => 'Sign in to see sensors',
  signInText: () => 'This server shows sensors only to people with an account or an access token.',
};
