package outbound

import "github.com/sensocto/sensocto/phx"

// Channel is a topic that a connection has joined, as its outbox knows it.
type Channel struct {
	Topic   string
	JoinRef phx.Ref

	outbox  *Outbox
	batch   *batchFrame // of a viewer topic, nil otherwise
	ended   bool        // nothing more is sent; guarded by the outbox's mu
	dropped bool        // what waits is not sent either; guarded by the outbox's mu
}

// NewChannel returns a channel of the outbox. The joinRef must not change.
func (o *Outbox) NewChannel(topic string, joinRef phx.Ref) Channel {
	return Channel{Topic: topic, JoinRef: joinRef, outbox: o}
}

// BatchSensors has the measurements of Feed.WatchBatched leave as one sensor_batch
// a write. It comes before the first of these feeds.
func (ch *Channel) BatchSensors() {
	ch.batch = newBatchFrame(ch.outbox.version, ch.JoinRef, ch.Topic)
}

// Enqueue queues a frame that is never dropped. Frames of one channel keep their
// order. It reports whether the frame will be sent: false once the channel or the
// connection has ended, or where so much waits that the connection ends for it.
func (ch *Channel) Enqueue(frame []byte) bool { return ch.outbox.enqueue(ch, frame) }

// Answer queues a frame that the peer has asked for, and that may be large: it waits until
// there is capacity, so that several of them do not end a connection that listens. Only
// whoever may wait for the peer calls it. It reports what Enqueue does.
func (ch *Channel) Answer(frame []byte) bool { return ch.outbox.answer(ch, frame) }

// End sends the frames and then nothing more of the channel. With drop, what
// waits for the channel is not sent either. It reports whether the channel was
// still alive.
func (ch *Channel) End(drop bool, frames ...[]byte) bool { return ch.outbox.end(ch, drop, frames) }
