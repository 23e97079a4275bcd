package socket

import (
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/visible"
)

// family is a kind of topic.
type family uint8

const (
	familyUnknown family = iota
	familyConnector
	familySensor
	familyReceiver
	familyData
	familyViewer
	familySignal
	familyStatus
	familyAll
	familyRoom
	familyRooms
	familyUser
	familyCall
	familyCount
)

// String returns the name that the metrics use.
func (f family) String() string {
	return [familyCount]string{"unknown", "connector", "sensor", "receiver", "data", "viewer", "signal", "status", "all", "room", "rooms", "user", "call"}[f]
}

// isList reports whether a topic shows many sensors or rooms, of which the viewer
// may lose some.
func (f family) isList() bool { return f == familyStatus || f == familyAll || f == familyRooms }

// channel is a topic that a connection has joined.
type channel struct {
	outbound.Channel
	conn    *conn
	family  family
	handler handler
	joining chan struct{} // closed once its join was answered beside the reader, to which this field belongs; else nil
	urgent  bool          // what comes on it cannot wait; guarded by the connection's mu
}

// handler is what a topic family does. All calls come from the connection's
// reader, one at a time, except close, which may come from anywhere, twice.
type handler interface {
	// join prepares the channel and returns the response, a JSON object. What
	// it subscribed to is held until joined is called.
	join(ctx context.Context, p params) (response []byte, err error)
	// joined is called when the response is on its way.
	joined()
	// handle answers an event. It returns a *ws.Error for a frame that
	// ends the connection, errUnknownEvent, or any error for the reply.
	handle(ctx context.Context, f *phx.Frame) error
	// recheck is called when rights may have changed, also while the channel joins
	// and from several goroutines: what may not be shown any more ends. only names
	// the sensor that is concerned; "" is any. It reports whether the channel may stay.
	recheck(ctx context.Context, only string) (stays bool)
	// close ends all that join began. It may block.
	close()
}

// slowJoiner is a handler whose join may wait for another server: the connection's reader
// goes on meanwhile.
type slowJoiner interface {
	// waits reports, after join, whether the response comes from finish.
	waits() bool
	// finish returns the response. Other calls may come at the same time.
	finish(ctx context.Context) (response []byte, err error)
}

// route returns the family of a topic, what follows its prefix, and the right
// that it takes to join it.
func route(topic string, p params) (family, string, sensocto.Scope) {
	switch topic {
	case sensocto.TopicSensorsStatus:
		return familyStatus, "", sensocto.ScopeView
	case sensocto.TopicSensorsAll:
		return familyAll, "", sensocto.ScopeView
	case sensocto.TopicRoomsUpdates:
		return familyRooms, "", sensocto.ScopeView
	}
	for _, r := range [...]struct {
		prefix string
		family family
		scope  sensocto.Scope
	}{
		{sensocto.TopicPrefixSensor, familySensor, sensocto.ScopeIngest},
		{sensocto.TopicPrefixConnector, familyConnector, sensocto.ScopeIngest},
		{sensocto.TopicPrefixData, familyData, sensocto.ScopeView},
		{sensocto.TopicPrefixViewer, familyViewer, sensocto.ScopeView},
		{sensocto.TopicPrefixSignal, familySignal, sensocto.ScopeView},
		{sensocto.TopicPrefixRoom, familyRoom, sensocto.ScopeView},
		{sensocto.TopicPrefixUser, familyUser, sensocto.ScopeView},
	} {
		if id, ok := sensocto.CutTopic(topic, r.prefix); ok {
			if r.family == familySensor && p.text("sensor_type") == "receiver" {
				return familyReceiver, id, sensocto.ScopeView
			}
			if room, isCall := cutCall(id); isCall && r.family == familyRoom {
				return familyCall, room, sensocto.ScopeView
			}
			return r.family, id, r.scope
		}
	}
	return familyUnknown, "", ""
}

// newHandler returns the handler of a channel.
func newHandler(ch *channel, id string, identity sensocto.Identity) handler {
	switch ch.family {
	case familyConnector:
		return &connector{ch: ch, id: id}
	case familySensor:
		return &device{ch: ch, id: id, identity: identity}
	case familyReceiver, familyData:
		return newDataViewer(ch, id, identity)
	case familyViewer:
		return &viewer{
			ch: ch, identity: identity, sensors: make(map[string]*watched),
			onlooker: onlooker{attention: ch.conn.srv.attention, id: ch.conn.srv.nextViewer()},
		}
	case familySignal:
		return &signal{ch: ch, identity: identity, sensorID: id, feed: ch.NewFeed()}
	case familyStatus:
		return &status{ch: ch, feed: ch.NewFeed(), Filter: visible.New(ch.conn.srv.rights, ch.conn.srv.sensors, identity)}
	case familyRoom:
		return &roomViewer{ch: ch, roomID: id, identity: identity, feed: ch.NewFeed()}
	case familyRooms:
		return &roomList{ch: ch, identity: identity, feed: ch.NewFeed(), shown: make(map[string]bool)}
	case familyCall:
		return &caller{ch: ch, roomID: id, identity: identity}
	case familyUser:
		return &inbox{ch: ch, userID: id, identity: identity, feed: ch.NewFeed()}
	}
	return &list{ch: ch, feed: ch.NewFeed(), Filter: visible.New(ch.conn.srv.rights, ch.conn.srv.sensors, identity)}
}

// reply answers a frame of this channel.
func (ch *channel) reply(f *phx.Frame, status string, response []byte) {
	ch.Enqueue(ch.conn.replyFrame(f.JoinRef, f.Ref, ch.Topic, status, response))
}

// answer is reply with what may be large: it waits until the client takes it. The reader
// calls it, and whoever answers beside it.
func (ch *channel) answer(f *phx.Frame, response []byte) {
	ch.Answer(ch.conn.replyFrame(f.JoinRef, f.Ref, ch.Topic, phx.StatusOK, response))
}

// ok answers with an empty object.
func (ch *channel) ok(f *phx.Frame) { ch.reply(f, phx.StatusOK, emptyObject()) }

// push sends an event to this joiner alone.
func (ch *channel) push(event string, payload []byte) bool {
	return ch.Enqueue(ch.conn.pushFrame(ch.JoinRef, nil, ch.Topic, event, payload))
}

// closeFrame is the phx_close that ends this channel, and no later one of the
// same topic.
func (ch *channel) closeFrame() []byte {
	return ch.conn.pushFrame(ch.JoinRef, ch.JoinRef, ch.Topic, phx.EventClose, emptyObject())
}

func emptyObject() []byte { return []byte("{}") }

// reasonObject returns {"reason":…}, the response of every error reply.
func reasonObject(reason string) []byte {
	return append(jsonscan.AppendString([]byte(`{"reason":`), reason), '}')
}
