import { deviceProblem, type DeviceProblem } from './problem.ts';

export type DeviceKind = 'audio' | 'video';
export const off = 'off';

/** The microphone and the camera of this device: which there are, which are chosen, and their tracks. */
export class Devices {
  #all = $state.raw<readonly MediaDeviceInfo[]>([]);
  #chosen = $state<Record<DeviceKind, string>>({ audio: '', video: off });
  #tracks = $state.raw<Readonly<Record<DeviceKind, MediaStreamTrack | null>>>({ audio: null, video: null });
  #problems = $state.raw<Readonly<Partial<Record<DeviceKind, DeviceProblem>>>>({});
  #music = $state(false);
  #asked = { audio: 0, video: 0 }; // the last answer counts
  #releases = 0;
  #changed: (kind: DeviceKind, track: MediaStreamTrack | null) => void;

  /** changed is called with each new track. */
  constructor(changed: (kind: DeviceKind, track: MediaStreamTrack | null) => void) {
    this.#changed = changed;
  }

  get audio(): MediaStreamTrack | null {
    return this.#tracks.audio;
  }

  get video(): MediaStreamTrack | null {
    return this.#tracks.video;
  }

  /** Sound as it is, for music and breathing: no echo cancellation, no noise suppression. */
  get music(): boolean {
    return this.#music;
  }

  /** The device that is chosen: its id, `off`, or empty for the one that the browser picks. */
  chosen(kind: DeviceKind): string {
    return this.#tracks[kind]?.getSettings().deviceId ?? this.#chosen[kind];
  }

  problem(kind: DeviceKind): DeviceProblem | undefined {
    return this.#problems[kind];
  }

  list(kind: DeviceKind): readonly MediaDeviceInfo[] {
    return this.#all.filter((d) => d.kind === `${kind}input` && d.deviceId !== ''); // nameless until one may use them
  }

  /** Follows what is plugged in and out. The function that it returns ends that, and stops the tracks. */
  follow(): () => void {
    const refresh = () => void this.#refresh();
    navigator.mediaDevices?.addEventListener('devicechange', refresh);
    return () => {
      navigator.mediaDevices?.removeEventListener('devicechange', refresh);
      this.release();
    };
  }

  /** Opens what is chosen. */
  async open(): Promise<void> {
    const releases = this.#releases;
    await this.choose('audio', this.#chosen.audio);
    if (releases !== this.#releases) return; // given back while the browser asked for the microphone
    await this.choose('video', this.#chosen.video);
  }

  async choose(kind: DeviceKind, id: string): Promise<void> {
    const asked = ++this.#asked[kind];
    this.#chosen[kind] = id;
    if (id === off) return this.#set(kind, null);
    try {
      if (!navigator.mediaDevices) return this.#set(kind, null, 'insecure');
      const media = await navigator.mediaDevices.getUserMedia({ [kind]: kind === 'audio' ? this.#sound(id) : picture(id) });
      const [track] = media.getTracks();
      if (!track || asked !== this.#asked[kind]) return media.getTracks().forEach((t) => t.stop());
      track.addEventListener('ended', () => this.#tracks[kind] === track && void this.choose(kind, '')); // unplugged: another one takes its place
      this.#set(kind, track);
    } catch (error) {
      if (asked === this.#asked[kind]) this.#set(kind, null, deviceProblem(error));
    }
    await this.#refresh();
  }

  async setMusic(music: boolean): Promise<void> {
    this.#music = music;
    if (this.audio) await this.choose('audio', this.chosen('audio'));
  }

  /** Gives the devices back. What is chosen stays. */
  release(): void {
    this.#releases++;
    for (const kind of ['audio', 'video'] as const) {
      this.#asked[kind]++;
      this.#set(kind, null);
    }
  }

  #set(kind: DeviceKind, track: MediaStreamTrack | null, problem?: DeviceProblem): void {
    const before = this.#tracks[kind];
    if (before === track && this.#problems[kind] === problem) return;
    this.#tracks = { ...this.#tracks, [kind]: track };
    this.#problems = { ...this.#problems, [kind]: problem };
    if (before !== track) this.#changed(kind, track);
    before?.stop();
  }

  #sound(id: string): MediaTrackConstraints {
    return { ...exact(id), echoCancellation: !this.#music, noiseSuppression: !this.#music, autoGainControl: !this.#music };
  }

  async #refresh(): Promise<void> {
    this.#all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  }
}

const exact = (id: string): MediaTrackConstraints => (id ? { deviceId: { exact: id } } : {});
const picture = (id: string): MediaTrackConstraints => ({ ...exact(id), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } });
