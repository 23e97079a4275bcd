package outbound

import (
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
)

// Channel is a topic that a connection has joined, as its outbox knows it. Topic code
// answers and pushes with it.
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

// Reply answers a frame of this channel; the response is a JSON object. Replies and
// pushes are never dropped, and keep their order.
func (ch *Channel) Reply(f *phx.Frame, status string, response []byte) {
	ch.outbox.enqueue(ch, ch.outbox.replyFrame(f, ch.Topic, status, response))
}

// Answer is Reply with what was asked for and may be large: it waits until there is
// capacity, so that several of them do not end a connection that listens. Only whoever may
// wait for the peer calls it. It reports what Push does.
func (ch *Channel) Answer(f *phx.Frame, response []byte) bool {
	return ch.outbox.answer(ch, ch.outbox.replyFrame(f, ch.Topic, phx.StatusOK, response))
}

// OK answers with an empty object.
func (ch *Channel) OK(f *phx.Frame) { ch.Reply(f, phx.StatusOK, []byte("{}")) }

// Push sends an event to this joiner alone. It reports whether that will be sent:
// false once the channel or the connection has ended, or where so much waits that the
// connection ends for it.
func (ch *Channel) Push(event string, payload []byte) bool {
	return ch.outbox.enqueue(ch, ch.outbox.pushFrame(ch.JoinRef, nil, ch.Topic, event, payload))
}

// WaitCapacity waits until the connection has capacity for another reply or push: see
// Outbox.WaitCapacity.
func (ch *Channel) WaitCapacity() { ch.outbox.WaitCapacity() }

// End ends the channel with phx_close, which carries its join ref and so ends no later
// one of the same topic. With drop, what waits for the channel is not sent. It reports
// whether the channel was still alive.
func (ch *Channel) End(drop bool) bool {
	return ch.outbox.end(ch, drop, ch.outbox.closeFrame(ch.JoinRef, ch.Topic))
}

// Leave is End for a channel that its client leaves with the frame, which is answered
// first.
func (ch *Channel) Leave(f *phx.Frame) {
	o := ch.outbox
	o.end(ch, false, o.replyFrame(f, ch.Topic, phx.StatusOK, []byte("{}")), o.closeFrame(ch.JoinRef, ch.Topic))
}

// Discard ends a channel whose join is refused: nothing of it is sent.
func (ch *Channel) Discard() { ch.outbox.end(ch, true) }

// Reply answers a frame that belongs to no channel.
func (o *Outbox) Reply(f *phx.Frame, status string, response []byte) {
	o.enqueue(nil, o.replyFrame(f, string(f.Topic), status, response))
}

// CloseAbsent sends the phx_close of a channel that is not there, as the client that
// left it with the frame knows it.
func (o *Outbox) CloseAbsent(f *phx.Frame) {
	o.enqueue(nil, o.closeFrame(f.JoinRef, string(f.Topic)))
}

// replyFrame returns a reply. It is the one place where replies are bounded: what is
// larger becomes an error.
func (o *Outbox) replyFrame(f *phx.Frame, topic, status string, response []byte) []byte {
	if len(response) > o.hub.replyBytes {
		status, response = phx.StatusError, o.owner.ReplyTooLarge(topic, len(response))
	}
	frame := ws.Reserve(len(topic) + len(response) + len(f.JoinRef) + len(f.Ref) + 80)
	return ws.Seal(ws.OpText, phx.AppendReply(frame, o.version, f.JoinRef, f.Ref, topic, status, response))
}

func (o *Outbox) pushFrame(joinRef, ref phx.Ref, topic, event string, payload []byte) []byte {
	frame := ws.Reserve(len(topic) + len(event) + len(payload) + 2*len(joinRef) + 80)
	return ws.Seal(ws.OpText, phx.AppendPush(frame, o.version, joinRef, ref, topic, event, payload))
}

func (o *Outbox) closeFrame(joinRef phx.Ref, topic string) []byte {
	return o.pushFrame(joinRef, joinRef, topic, phx.EventClose, []byte("{}"))
}
