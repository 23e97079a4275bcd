package sensocto

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"time"
)

// ActivityStatus says whether a sensor is sending.
type ActivityStatus string

// The activity statuses.
const (
	ActivityOnline  ActivityStatus = "online"  // sent within the last 5 s
	ActivityIdle    ActivityStatus = "idle"    // connected, silent
	ActivityOffline ActivityStatus = "offline" // known, not connected
	ActivityUnknown ActivityStatus = "unknown" // never seen
)

// Attribute is one measured quantity of a sensor.
type Attribute struct {
	ID           string  `json:"id"`
	Name         string  `json:"attribute_name"`
	Type         string  `json:"attribute_type"`
	Unit         string  `json:"unit"`
	SamplingRate float64 `json:"sampling_rate"` // Hz, 0 where unknown
	LastValue    *Sample `json:"last_value"`
}

// Sensor is a data source as clients see it: a snapshot, safe to share.
type Sensor struct {
	ID            string         `json:"sensor_id"`
	Name          string         `json:"sensor_name"`
	Type          string         `json:"sensor_type"`
	ConnectorID   string         `json:"connector_id"`
	ConnectorName string         `json:"connector_name"`
	Activity      ActivityStatus `json:"activity_status"`
	SamplingRate  float64        `json:"sampling_rate"` // Hz, 0 where unknown
	Attributes    []Attribute    `json:"attributes"`    // sorted by id, never null on the wire
	// SharedBy is who shared it with the room that shows it: User.ID.
	SharedBy string `json:"shared_by,omitempty"`

	OwnerID   string `json:"-"`                    // Identity.OwnerID of who joined it first, or was given it
	OwnerName string `json:"owner_name,omitempty"` // what the owner, a person, is called; not stored with the sensor
	BroughtBy string `json:"-"`                    // whose quotas it counts for; "" for the owner's
}

// Since returns the sensor without last values of before t: what is shared from a
// time on tells nothing of before. The zero time leaves nothing out.
func (s Sensor) Since(t time.Time) Sensor {
	if t.IsZero() {
		return s
	}
	s.Attributes = slices.Clone(s.Attributes)
	for i := range s.Attributes {
		if last := s.Attributes[i].LastValue; last != nil && last.Timestamp < t.UnixMicro() {
			s.Attributes[i].LastValue = nil
		}
	}
	return s
}

// UnknownSensor is what a viewer gets who watches a sensor never seen.
func UnknownSensor(id string) Sensor {
	return Sensor{ID: id, Activity: ActivityUnknown, Attributes: []Attribute{}}
}

// SensorListUpdate is the payload of EventSensorListUpdated: sensors by what
// happened to them; Removed holds ids.
type SensorListUpdate struct {
	Added   []Sensor `json:"added"`
	Removed []string `json:"removed"`
	Changed []Sensor `json:"changed"`
}

var (
	idPattern          = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)
	attributeIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

// ValidID reports whether id may name a sensor or a connector.
func ValidID(id string) bool { return idPattern.MatchString(id) }

// RemoteSensorPrefix begins the ids under which sensors of other servers are known
// here (docs/p2p.md). No device may bring one: it would be seen in rooms as that of
// somebody else.
const RemoteSensorPrefix = "p2p:"

// ErrReservedSensorID refuses such a sensor.
var ErrReservedSensorID = &Error{Code: CodeInvalid, Reason: "reserved_sensor_id", Message: "ids that begin with " + RemoteSensorPrefix + " are those of sensors of other servers: give the sensor another id"}

// ValidAttributeID reports whether id may name an attribute.
func ValidAttributeID(id string) bool { return attributeIDPattern.MatchString(id) }

// Registration is what a device says of its sensor when it joins.
type Registration struct {
	SensorID, SensorName, SensorType string
	ConnectorID, ConnectorName       string
	SamplingRate                     float64
	Attributes                       []Attribute
}

// AttributeAction is what update_attributes does.
type AttributeAction string

// The attribute actions. Add is Register, and Remove is Unregister, by the
// names that some clients use.
const (
	AttributeRegister   AttributeAction = "register"
	AttributeAdd        AttributeAction = "add"
	AttributeUpdate     AttributeAction = "update"
	AttributeUnregister AttributeAction = "unregister"
	AttributeRemove     AttributeAction = "remove"
)

// Device is the far end of a live sensor: the channel that feeds it. Calls
// come from the sensor's goroutine or the registry and must not block.
type Device interface {
	// Replaced says that the device joined again on another channel, or that
	// the sensor was deleted: this channel is over.
	Replaced()
	// Command hands a command (a JSON object) to the device. It reports
	// whether there was room to send it.
	Command(command json.RawMessage) bool
}

// SensorLink is one device's hold on its live sensor. One goroutine at a time
// pushes.
type SensorLink interface {
	// Push hands the sensor a batch, whose ownership passes to it, and which it
	// takes at once or queues. It waits while the mailbox is full, until ctx ends.
	// done, if not nil, is called once, perhaps before Push returns, when the batch
	// has been taken into the store, or with the reason why not; it must not
	// block. A batch that Push returned an error for is not stored and done is not
	// called.
	Push(ctx context.Context, b *Batch, done func(error)) error
	// Ready reports whether Push would take a batch now without waiting, but for a store that
	// begins to wait just then: nothing is queued.
	Ready() bool
	// PushDurable is Push whose done is called when the batch is on disk.
	PushDurable(ctx context.Context, b *Batch, done func(error)) error
	// UpdateAttribute registers, changes or unregisters an attribute, after
	// all that was pushed before. It returns errors of CodeInvalid for an
	// unknown action ("invalid_action") or id ("invalid_attribute_id").
	UpdateAttribute(ctx context.Context, action AttributeAction, a Attribute) error
	// RenameConnector changes the connector's name in the sensor's state.
	RenameConnector(ctx context.Context, name string) error
	// Sync calls done after everything pushed before has been taken into the
	// store.
	Sync(ctx context.Context, done func()) error
	// Batch returns an empty batch to fill and Push: a recycled one, if there
	// is one, with capacity kept.
	Batch() *Batch
	// Close says that the device is gone. The sensor keeps its data.
	Close()
}

// SensorRegistry knows all sensors, live and past.
type SensorRegistry interface {
	// Connect makes the sensor live, fed by d. The newest connection wins.
	// It returns ErrUnauthorized when the sensor belongs to somebody else.
	Connect(ctx context.Context, id Identity, r Registration, d Device) (SensorLink, error)
	// Sensor returns a snapshot, and false for a sensor never seen.
	Sensor(id string) (Sensor, bool)
	// Sensors returns snapshots of all sensors, sorted by id.
	Sensors() []Sensor
	// Online returns the ids of the connected sensors, sorted.
	Online() []string
	// Owner returns to whom a sensor belongs, and false for one never seen.
	Owner(id string) (ownerID string, known bool)
	// Rates returns the sensor's present rates, measured over the last seconds.
	Rates(id string) Rates
	// Rename changes the sensor's name.
	Rename(ctx context.Context, id, name string) error
	// Delete disconnects the sensor's device and removes the sensor with all
	// its samples. It cannot be undone.
	Delete(ctx context.Context, id string) (Removed, error)
	// Put adds a measurement that no device sends, as if the device had. When it
	// returns nil, the measurement is on disk.
	Put(ctx context.Context, id string, m Measurement) error
	// Command sends a command to the sensor's device. It returns an error of
	// CodeConflict ("not_connected") when none is connected.
	Command(ctx context.Context, id string, command json.RawMessage) error
}

// Rates are how fast a sensor sends, averaged over the last few seconds.
type Rates struct {
	MeasurementsPerSecond float64            `json:"measurements_per_second"`
	BatchesPerSecond      float64            `json:"batches_per_second"`
	Attributes            map[string]float64 `json:"attributes"` // measurements per second by attribute id
	LastSeen              time.Time          `json:"last_seen"`
	Waiting               int                `json:"waiting"` // measurements in the mailbox
	Refused               uint64             `json:"refused"` // measurements that were not taken since the start
}
