import type { CallState, LinkState, Quality } from '@sensocto/client';
import type { DeviceKind } from '../../call/devices.svelte.ts';
import type { DeviceProblem } from '../../call/problem.ts';
import { number, plural } from '../format.ts';

const name = { audio: 'microphone', video: 'camera' } as const;
const seconds = (ms: number) => number(ms / 1000, { style: 'unit', unit: 'second', unitDisplay: 'narrow', minimumFractionDigits: 1, maximumFractionDigits: 2 });
const percent = (share: number) => number(share, { style: 'percent', maximumFractionDigits: 1 });

export const call = {
  call: () => 'Call',
  join: () => 'Join the call',
  joinWhy: () => 'See and hear the others in this room. Nothing is sent before you join.',
  leave: () => 'Leave the call',
  cancel: () => 'Cancel',
  done: () => 'Done',
  controls: () => 'Microphone, camera and screen',
  you: () => 'You',
  state: (state: CallState, others: number) =>
    ({
      joining: 'Joining…',
      joined: others === 0 ? 'Nobody else is in the call yet' : `${others + 1} ${plural(others + 1, 'person', 'people')} in the call`,
      reconnecting: 'The server cannot be reached. You still see and hear each other; nobody can join',
      ended: '',
    })[state],
  mute: () => 'Mute the microphone',
  unmute: () => 'Unmute the microphone',
  startCamera: () => 'Turn the camera on',
  stopCamera: () => 'Turn the camera off',
  shareScreen: () => 'Share a screen',
  stopScreen: () => 'Stop sharing the screen',
  noScreen: () => 'The screen cannot be shared here. The system may have to allow it to the browser.',
  muted: () => 'Microphone off',
  cameraOff: () => 'Camera off',
  pictureOf: (who: string) => `Picture of ${who}`,
  screenOf: (who: string) => `Screen of ${who}`,
  devices: () => 'Microphone and camera',
  devicesWhy: () => 'A change counts at once, for everybody in the call.',
  deviceKind: (kind: DeviceKind) => ({ audio: 'Microphone', video: 'Camera' })[kind],
  device: (kind: DeviceKind, n: number) => `${{ audio: 'Microphone', video: 'Camera' }[kind]} ${n}`,
  standard: () => 'Default',
  none: (kind: DeviceKind) => `No ${name[kind]}`,
  level: () => 'Microphone level',
  preview: () => 'Preview of your camera',
  music: () => 'Music and breathing',
  musicWhy: () => 'Sends sound as it is, without echo cancellation and noise suppression. Use headphones.',
  problem: (kind: DeviceKind, problem: DeviceProblem) =>
    ({
      refused: `The browser does not allow the ${name[kind]}. Allow it in the site settings, beside the address, and choose it again.`,
      missing: `There is no such ${name[kind]}. Plug it in, or choose another.`,
      busy: `Another program uses the ${name[kind]}. Close that and choose it again.`,
      insecure: 'Browsers give microphone and camera only to pages over https. Open this page with https.',
      unknown: `The ${name[kind]} cannot be opened. Choose another.`,
    })[problem],
  elsewhere: () => 'The call goes on in another tab, or on another device of yours.',
  speaks: () => 'speaks',
  moreSensors: (n: number) => `and ${number(n)} more ${plural(n, 'sensor', 'sensors')}`,
  moreValues: (n: number) => `and ${number(n)} more`,
  fullScreen: (what: string) => `${what} on the full screen`,
  inWindow: (what: string) => `${what} in a window of its own`,
  notShown: () => 'The browser does not show the picture so.',
  pushToTalk: () => 'Push to talk',
  pushToTalkWhy: () => 'The microphone is on only while you hold the space bar, or the button.',
  holdToTalk: () => 'Hold to talk',
  talking: () => 'You are heard',
  together: () => 'Traces wait for the pictures',
  age: (picture: number | undefined, trace: number | undefined) =>
    [picture === undefined ? '' : `picture ${seconds(picture)} old`, trace === undefined ? '' : `trace ${seconds(trace)} old`].filter(Boolean).join(', '),
  full: (limit: number) => `The call is full: at most ${limit} can be in it. Try again when somebody has left.`,
  noRight: () => 'Only members of the room with an account can join the call.',
  notJoined: (reason: string) => `The server did not let you into the call (${reason}). Try again; if it stays, tell the operator.`,
  removed: () => 'The call has ended for you: you can no longer be in this room.',
  connection: (state: LinkState, quality: Quality | undefined) => {
    if (state !== 'connected') return { connecting: 'Connecting…', interrupted: 'Interrupted, trying again' }[state];
    return quality ? { good: 'Good connection', fair: 'Fair connection', poor: 'Poor connection' }[quality.rating] : 'Connected';
  },
  details: (quality: Quality | undefined) =>
    quality
      ? [
          `${percent(quality.loss)} lost`,
          quality.roundTrip === undefined ? '' : `${number(Math.round(quality.roundTrip))} ms there and back`,
          quality.width > 0 ? `${quality.width} × ${quality.height}` : '',
          quality.relayed ? 'relayed' : 'direct',
        ].filter(Boolean).join(', ')
      : '',
};
