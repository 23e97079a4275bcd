import type { Profile } from '../profile.ts';
import { battery } from './battery.ts';
import { cyclingPower, cyclingSpeed } from './cycling.ts';
import { environmental } from './environmental.ts';
import { heartRate } from './heartRate.ts';
import { healthThermometer, pulseOximeter } from './medical.ts';
import { movesense } from './movesense.ts';
import { nordicUart } from './nordicUart.ts';
import { polar } from './polar.ts';
import { running } from './running.ts';
import { thingyButton, thingyEnvironment, thingyMotion } from './thingy52.ts';

/** Everything that is understood, in the order in which it is started: what matters most comes first. */
export const profiles: readonly Profile[] = [
  heartRate,
  polar,
  movesense,
  pulseOximeter,
  healthThermometer,
  running,
  cyclingSpeed,
  cyclingPower,
  environmental,
  thingyEnvironment,
  thingyMotion,
  thingyButton,
  nordicUart,
  battery,
];
