package sensocto

import "strings"

// Topics without an id.
const (
	TopicSensorsStatus = "sensors:status"
	TopicSensorsAll    = "sensors:all"
	TopicRoomsUpdates  = "rooms:updates"
)

// Prefixes of topics that end in an id.
const (
	TopicPrefixConnector = "sensocto:connector:"
	TopicPrefixSensor    = "sensocto:sensor:"
	TopicPrefixData      = "data:"
	TopicPrefixViewer    = "viewer:"
	TopicPrefixSignal    = "signal:"
	TopicPrefixRoom      = "room:"
	TopicPrefixUser      = "user:"
)

// Events that the server publishes.
const (
	EventMeasurement        = "measurement"         // Payload *Batch of one measurement
	EventMeasurementsBatch  = "measurements_batch"  // Payload *Batch
	EventNewState           = "new_state"           // Payload Sensor
	EventSensorConnected    = "sensor_connected"    // Payload Sensor
	EventSensorDisconnected = "sensor_disconnected" // Payload Sensor
	EventSensorListUpdated  = "sensor_list_updated" // Payload SensorListUpdate

	EventRoomState        = "room_state"        // Payload RoomState, to one joiner
	EventMemberJoined     = "member_joined"     // Payload MemberEvent
	EventMemberLeft       = "member_left"       // Payload MemberEvent
	EventSensorAdded      = "sensor_added"      // Payload RoomSensorEvent
	EventSensorRemoved    = "sensor_removed"    // Payload RoomSensorEvent
	EventSettingsUpdated  = "settings_updated"  // Payload RoomView
	EventRecordingStarted = "recording_started" // Payload RoomRecordingView
	EventRecordingStopped = "recording_stopped" // Payload RoomRecordingView
	EventRoomClosed       = "room_closed"       // Payload RoomRef
	EventRoomCreated      = "room_created"      // Payload RoomView
	EventRoomUpdated      = "room_updated"      // Payload RoomView
	EventRoomDeleted      = "room_deleted"      // Payload RoomRef
	EventNotification     = "notification"      // Payload NotificationView
	EventInvitation       = "invitation"        // Payload InvitationView
	EventInvitationEnded  = "invitation_ended"  // Payload InvitationRef
)

// DataTopic is where a sensor's measurements are published.
func DataTopic(sensorID string) string { return TopicPrefixData + sensorID }

// SignalTopic is where changes of a sensor's state are published.
func SignalTopic(sensorID string) string { return TopicPrefixSignal + sensorID }

// RoomTopic is where what happens in a room is published.
func RoomTopic(roomID string) string { return TopicPrefixRoom + roomID }

// UserTopic is where messages for one user are published.
func UserTopic(userID string) string { return TopicPrefixUser + userID }

// CutTopic returns what follows prefix in topic.
func CutTopic(topic, prefix string) (id string, ok bool) { return strings.CutPrefix(topic, prefix) }

// Message is one event on a topic, shared by all its subscribers, which must not modify it
// or what it holds.
type Message struct {
	Topic   string
	Event   string
	Payload any

	encodings [EncodingCount][]byte
}

// Encoding numbers the forms in which a message is sent; what they are is the
// business of whoever encodes.
type Encoding int

// EncodingCount is the number of encodings that a message can hold.
const EncodingCount = 8

// Encoded returns the message in one encoding, calling encode the first time.
// It may be called only inside [Subscriber.Deliver], which runs on the
// publisher's goroutine: so a broadcast is encoded once without a lock.
func (m *Message) Encoded(e Encoding, encode func(*Message) []byte) []byte {
	if m.encodings[e] == nil {
		m.encodings[e] = encode(m)
	}
	return m.encodings[e]
}

// Publisher is PubSub.Publish for messages of one topic.
type Publisher interface{ Publish(m *Message) bool }

// PubSub hands messages from publishers to the subscribers of their topic.
type PubSub interface {
	// Publish delivers m to every present subscriber of m.Topic, in the
	// calling goroutine. Messages that one goroutine publishes on a topic
	// arrive in that order. It never blocks on a subscriber. It reports whether there
	// were any: else what is in m is still the caller's as well.
	Publish(m *Message) bool
	// Publisher returns a Publisher of one topic. One goroutine at a time may use it.
	Publisher(topic string) Publisher
	// Subscribe adds s to the topic. The same s may subscribe to any number
	// of topics. Closing the subscription stops further deliveries; one that
	// is under way on another goroutine may still finish.
	Subscribe(topic string, s Subscriber) Subscription
	// Subscribed reports whether anybody is subscribed to the topic, so that
	// a publisher can spare the work.
	Subscribed(topic string) bool
}

// Subscriber takes messages. Deliver must return quickly and never block: a
// subscriber that needs time keeps a bounded queue of its own. It may keep what
// the message holds, but not the message, which the publisher may use again afterwards.
type Subscriber interface {
	Deliver(m *Message)
}

// Subscription is one subscriber's place on a topic.
type Subscription interface {
	Close()
}
