import type { Call, CallPeer, CallState, Client, Media } from '@sensocto/client';
import { Devices } from './devices.svelte.ts';

const nothing: Media = { audio: false, video: false, screen: false };

/** The call of a room as this page takes part in it. */
export class RoomCall {
  readonly devices = new Devices((kind, track) => this.#call?.setTrack(kind, track));
  #call: Call | undefined;
  #state = $state<CallState>('ended');
  #peers = $state.raw<readonly CallPeer[]>([]);
  #media = $state.raw<Media>(nothing);
  #screen = $state.raw<MediaStreamTrack | null>(null);
  #error = $state.raw<Error>();

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
  get error(): Error | undefined {
    return this.#error;
  }

  join(client: Client, roomId: string): void {
    if (this.#call) return;
    const { audio, video, music } = this.devices;
    const call = client.call(roomId, { ...(audio && { audio }), ...(video && { video }), music });
    this.#call = call;
    this.#error = undefined;
    this.#state = call.state;
    this.#media = call.media;
    call.joined().catch(() => undefined); // told by ended
    call.on('state', (state) => (this.#state = state));
    call.on('peers', () => (this.#peers = [...call.peers.values()]));
    call.on('media', (media) => this.#mediaChanged(media));
    call.on('ended', (error) => {
      this.#error = error;
      this.#over();
    });
  }

  /** Leaves the call and gives the devices back. */
  async leave(): Promise<void> {
    const call = this.#call;
    this.#over();
    await call?.leave();
  }

  toggleMicrophone(): void {
    this.#call?.mute('audio', this.#media.audio);
    if (!this.devices.audio) void this.devices.choose('audio', '');
  }

  /** A camera that is off is given back, so that its light goes out. */
  toggleCamera(): void {
    void this.devices.choose('video', this.devices.video ? 'off' : '');
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

  #over(): void {
    this.#screen?.stop();
    this.#screen = null;
    this.#call = undefined;
    this.#state = 'ended';
    this.#peers = [];
    this.#media = nothing;
    this.devices.release();
  }
}
