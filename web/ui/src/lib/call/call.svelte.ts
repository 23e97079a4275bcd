import type { Call, CallPeer, CallState, Client, Media, Shown } from '@sensocto/client';
import { Devices } from './devices.svelte.ts';
import { Speakers } from './speakers.ts';

const nothing: Media = { audio: false, video: false, screen: false };
const levelsEvery = 100; // ms

/** Why a call is over: what the server said, or another tab that took it over. */
export type CallEnd = Error | 'elsewhere';

/** The call of a room as this page takes part in it. */
export class RoomCall {
  readonly devices = new Devices((kind, track) => this.#call?.setTrack(kind, track));
  #call: Call | undefined;
  #state = $state<CallState>('ended');
  #peers = $state.raw<readonly CallPeer[]>([]);
  #media = $state.raw<Media>(nothing);
  #screen = $state.raw<MediaStreamTrack | null>(null);
  #end = $state.raw<CallEnd>();
  #speaking = $state.raw<ReadonlySet<string>>(new Set());
  #pushToTalk = $state(false);
  #muted = false; // by the button, which push to talk takes the place of
  #tabs: BroadcastChannel | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `ended` also before the first call. */
  get state(): CallState {
    return this.#state;
  }

  get peers(): readonly CallPeer[] {
    return this.#peers;
  }

  /** What oneself sends. */
  get media(): Media {
    return this.#media;
  }

  /** Why the last call ended, where oneself did not leave it. */
  get end(): CallEnd | undefined {
    return this.#end;
  }

  /** The ids of the peers who speak. */
  get speaking(): ReadonlySet<string> {
    return this.#speaking;
  }

  /** The microphone is off but while one holds the key. */
  get pushToTalk(): boolean {
    return this.#pushToTalk;
  }

  set pushToTalk(on: boolean) {
    this.#pushToTalk = on;
    this.#call?.mute('audio', on || this.#muted);
  }

  join(client: Client, roomId: string): void {
    if (this.#call) return;
    const { audio, video, music } = this.devices;
    const call = client.call(roomId, { ...(audio && { audio }), ...(video && { video }), music });
    this.#call = call;
    this.#end = undefined;
    this.#muted = false;
    if (this.#pushToTalk) call.mute('audio', true);
    this.#state = call.state;
    this.#media = call.media;
    call.on('state', (state) => (this.#state = state));
    call.on('peers', () => (this.#peers = [...call.peers.values()]));
    call.on('media', (media) => this.#mediaChanged(media));
    call.on('ended', (error) => this.#over(error));
    call.joined().then(() => call === this.#call && this.#takeOver(), () => undefined); // a refusal is told by ended
    const speakers = new Speakers();
    this.#timer = setInterval(() => (this.#speaking = speakers.hear(call.levels(), performance.now())), levelsEvery);
  }

  /** Leaves the call and gives the devices back. */
  async leave(): Promise<void> {
    const call = this.#call;
    this.#over();
    await call?.leave();
  }

  toggleMicrophone(): void {
    this.#muted = this.#media.audio;
    this.#call?.mute('audio', this.#muted);
    if (!this.devices.audio) void this.devices.choose('audio', '');
  }

  /** Holds the microphone open, or lets it go. */
  talk(open: boolean): void {
    if (this.#pushToTalk) this.#call?.mute('audio', !open);
  }

  /** A camera that is off is given back, so that its light goes out. */
  toggleCamera(): void {
    void this.devices.choose('video', this.devices.video ? 'off' : '');
  }

  async setMusic(music: boolean): Promise<void> {
    await this.devices.setMusic(music);
    this.#call?.setMusic(music);
  }

  /** Says how high the pictures of a peer are shown. */
  show(peerId: string, shown: Shown): void {
    this.#call?.show(peerId, shown);
  }

  /** Asks which screen or window to share, or ends that. It rejects where the browser refuses. */
  async toggleScreen(): Promise<void> {
    if (this.#screen) return this.#share(null);
    const media = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } } });
    const [track] = media.getVideoTracks();
    if (!track || !this.#call) return media.getTracks().forEach((t) => t.stop());
    track.contentHint = 'detail'; // letters rather than movement
    this.#share(track);
  }

  #share(track: MediaStreamTrack | null): void {
    this.#call?.setTrack('screen', track);
    this.#screen?.stop();
    this.#screen = track;
  }

  #mediaChanged(media: Media): void {
    this.#media = media;
    if (this.#screen?.readyState === 'ended') this.#screen = null; // ended in the browser's own bar
  }

  /** Two tabs of one browser in calls would hear each other: the one that joined last goes on. */
  #takeOver(): void {
    this.#tabs = new BroadcastChannel('sensocto-call');
    this.#tabs.onmessage = () => {
      const call = this.#call;
      this.#over('elsewhere');
      void call?.leave();
    };
    this.#tabs.postMessage('joined');
  }

  #over(end?: CallEnd): void {
    clearInterval(this.#timer);
    this.#tabs?.close();
    this.#screen?.stop();
    this.#screen = null;
    this.#call = undefined;
    this.#end = end;
    this.#state = 'ended';
    this.#peers = [];
    this.#speaking = new Set();
    this.#media = nothing;
    this.devices.release();
  }
}
