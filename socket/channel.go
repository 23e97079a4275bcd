package socket

import (
	"context"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
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
	handler request.Handler
	joining chan struct{} // closed once its join was answered beside the reader, to which this field belongs; else nil
	urgent  bool          // what comes on it cannot wait; guarded by the connection's mu
}

// slowJoiner is a handler whose join may wait for another server: the connection's reader
// goes on meanwhile.
type slowJoiner interface {
	// waits reports, after Join, whether the response comes from finish.
	waits() bool
	// finish returns the response. Other calls may come at the same time.
	finish(ctx context.Context) (response []byte, err error)
}

// callSuffix is what the topic of a room's call has behind that of the room.
const callSuffix = ":call"

// route returns the family of a topic, what follows its prefix, and the right
// that it takes to join it.
func route(topic string, p request.Params) (family, string, sensocto.Scope) {
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
			if r.family == familySensor && p.Text("sensor_type") == "receiver" {
				return familyReceiver, id, sensocto.ScopeView
			}
			if room, isCall := strings.CutSuffix(id, callSuffix); isCall && r.family == familyRoom {
				return familyCall, room, sensocto.ScopeView
			}
			return r.family, id, r.scope
		}
	}
	return familyUnknown, "", ""
}

// newHandler returns the handler of a channel.
func newHandler(ch *channel, id string, identity sensocto.Identity) request.Handler {
	srv := ch.conn.srv
	switch ch.family {
	case familyConnector:
		return &connector{ch: ch, id: id}
	case familySensor:
		return &device{conn: ch.conn, ch: ch, id: id, identity: identity, stay: srv.rooms.Stay(id)}
	case familyReceiver, familyData:
		return newDataViewer(ch, id, identity)
	case familyViewer:
		return &viewer{
			ch: ch, identity: identity, sensors: make(map[string]*watched),
			onlooker: onlooker{attention: srv.attention, id: srv.nextViewer()},
		}
	case familySignal:
		return srv.inventory.Signal(&ch.Channel, identity, id)
	case familyStatus:
		return srv.inventory.Status(&ch.Channel, identity)
	case familyRoom:
		return srv.rooms.Room(&ch.Channel, identity, id)
	case familyRooms:
		return srv.rooms.List(&ch.Channel, identity)
	case familyCall:
		return srv.rooms.Call(&ch.Channel, identity, id, ch.evict)
	case familyUser:
		return srv.rooms.Inbox(&ch.Channel, identity, id)
	}
	return srv.inventory.List(&ch.Channel, identity)
}

// evict ends the channel because another has taken its place.
func (ch *channel) evict() {
	ch.conn.forget(ch)
	ch.End(false)
}

// reasonObject returns {"reason":…}, the response of every error reply.
func reasonObject(reason string) []byte {
	return append(jsonscan.AppendString([]byte(`{"reason":`), reason), '}')
}
