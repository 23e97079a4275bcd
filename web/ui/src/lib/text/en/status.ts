import { number, timeShort } from '../format.ts';

type Level = 'normal' | 'elevated' | 'high' | 'critical';
type Attention = 'none' | 'low' | 'medium' | 'high';

const series = {
  measurements: 'Measurements taken', delivered: 'Sent to viewers', merged: 'Merged for slow viewers', connections: 'WebSockets', channels: 'Topics joined', watched: 'Sensors watched',
  mailboxes: 'Measurements waiting in mailboxes', alerts: 'Alerts waiting', outbound: 'Outbound queues', journalPending: 'Journal, not on disk', unflushed: 'Waiting for the database',
  hot: 'Hot tier', warm: 'Warm tier', resident: 'Process in all', write50: 'Write, median', write99: 'Write, 99 %', sync99: 'Journal fsync, 99 %', journal: 'Journal', database: 'Database',
  lag: 'Lag', cpu: 'Processor', memory: 'Memory', queues: 'Queues', factor: 'Factor', high: 'High', medium: 'Medium', low: 'Low', syncWait: 'Longest wait of a change', syncLag99: 'From a change until it can be fetched, 99 %',
};

export const status = {
  level: (l: Level) => ({ normal: 'Load normal', elevated: 'Load elevated', high: 'Load high', critical: 'Load critical' })[l],
  limits: (cores: string, memory: string) => `${cores} cores, ${memory} of memory`,
  factor: (f: string) => `Devices are asked to wait ${f} times as long`,
  paused: () => 'Devices are paused: memory is critical',
  notRead: () => 'The status could not be read; it is tried again',
  lessShown: () => 'You see the load of the server and the sensors that you may see. Administrators see connections, queues, memory and storage as well.',
  panel: (p: 'throughput' | 'connections' | 'queues' | 'buffers' | 'memory' | 'latency' | 'disk' | 'load' | 'attention' | 'sync') =>
    ({ throughput: 'Throughput', connections: 'Connections', queues: 'Queues', buffers: 'Buffers', memory: 'Memory', latency: 'Latency of the database', disk: 'Disk', load: 'Load', attention: 'Sensors by attention', sync: 'Sharing with other servers: lag' })[p],
  series: (s: keyof typeof series) => series[s],
  perSecond: (n: string) => `${n}/s`,
  clockOff: (offset: number, error: number) => `This device's clock is ${number(Math.abs(offset), { maximumFractionDigits: 0 })} ms ${offset > 0 ? 'behind' : 'ahead of'} the server's, to within ${number(error, { maximumFractionDigits: 1 })} ms`,
  clock: (t: number) => timeShort(t),
  sensors: () => 'Sensors now',
  perSensor: () => 'Throughput of the busiest sensors',
  sensorTable: () => 'Rates and attention of each sensor',
  noSensors: () => 'No sensor that you see is connected or looked at.',
  rate: () => 'Measurements/s',
  attention: () => 'Attention',
  levelOf: (a: Attention) => ({ none: 'None', low: 'Low', medium: 'Medium', high: 'High' })[a],
  viewers: () => 'Viewers',
  window: () => 'Batch window',
  waiting: () => 'Waiting',
  refused: () => 'Refused',
  notConnected: () => 'not connected',
  pausedNow: () => 'paused',
};
