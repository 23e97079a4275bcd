package sensor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

func attributes(prefix string, n int) (list []sensocto.Attribute) {
	for i := range n {
		list = append(list, sensocto.Attribute{ID: fmt.Sprintf("%s%d", prefix, i)})
	}
	return list
}

func TestConnect_StopsAtTheLimitOfAttributes(t *testing.T) {
	var logged bytes.Buffer
	w := newWorld(t, func(o *sensor.Options) {
		o.MaxAttributes = 10
		o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	})
	_, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s1", Attributes: attributes("a", 11)}, &device{})
	if !errors.Is(err, sensocto.ErrTooManyAttributes) {
		t.Fatalf("a join with 11 attributes where 10 are allowed: %v", err)
	}
	if _, known := w.Sensor("s1"); known {
		t.Error("the refused sensor is known")
	}
	for _, prefix := range []string{"a", "b", "c"} { // each within the limit, not all together
		l, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s1", Attributes: attributes(prefix, 10)}, &device{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if s, _ := w.Sensor("s1"); len(s.Attributes) != 10 {
		t.Errorf("%d attributes", len(s.Attributes))
	}
	if got := w.metric("sensor_measurements_refused_total"); got != 20 {
		t.Errorf("%v refused attributes counted, want 20", got)
	}
	if lines := strings.Count(logged.String(), "\n"); lines != 1 {
		t.Errorf("%d lines in the log, want 1:\n%s", lines, logged.String())
	}
}

// What is unregistered leaves its samples behind, so it goes on to count.
func TestUpdateAttribute_DoesNotMakeRoomForSeriesWithoutEnd(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.MaxAttributes = 3 })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for i := range 3 {
		a := sensocto.Attribute{ID: fmt.Sprint("a", i)}
		if err := errors.Join(push(t, l, a.ID, i, 1), l.UpdateAttribute(t.Context(), sensocto.AttributeRemove, a)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.UpdateAttribute(t.Context(), sensocto.AttributeAdd, sensocto.Attribute{ID: "more"}); !errors.Is(err, sensocto.ErrTooManyAttributes) {
		t.Errorf("a fourth attribute: %v", err)
	}
	if err := l.UpdateAttribute(t.Context(), sensocto.AttributeAdd, sensocto.Attribute{ID: "a1"}); err != nil {
		t.Errorf("one that comes back: %v", err)
	}
}

func TestRegistry_ChecksEveryTextThatDescribes(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for _, bad := range []string{strings.Repeat("x", 1<<20), "a\x00b", "\x1b[2J", "caf\xe9"} {
		_, joined := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s2", SensorName: bad}, &device{})
		for what, got := range map[string]struct {
			err  error
			want string
		}{
			"join":      {joined, "invalid_sensor_name"},
			"import":    {w.Register(t.Context(), operator, sensocto.Registration{SensorID: "s2", SensorType: bad}), "invalid_sensor_type"},
			"rename":    {w.Rename(t.Context(), "s1", bad), "invalid_sensor_name"},
			"connector": {l.RenameConnector(t.Context(), bad), "invalid_connector_name"},
			"update":    {l.UpdateAttribute(t.Context(), sensocto.AttributeAdd, sensocto.Attribute{ID: "ecg", Unit: bad}), "invalid_unit"},
		} {
			if reason := sensocto.ErrorReason(got.err); reason != got.want {
				t.Errorf("%s with %.10q: %q, want %q", what, bad, reason, got.want)
			}
		}
	}
	if _, known := w.Sensor("s2"); known {
		t.Error("a refused sensor is known")
	}
}

// All descriptions together fit into an announcement that a viewer can queue.
func TestUpdateAttribute_BoundsTheDescriptionOfASensor(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	long := strings.Repeat("\U0001F480", sensocto.MaxText)
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = l.UpdateAttribute(t.Context(), sensocto.AttributeAdd, sensocto.Attribute{ID: fmt.Sprint("a", n), Name: long, Type: long, Unit: long})
	}
	if sensocto.ErrorReason(err) != "description_too_large" {
		t.Fatalf("%d attributes with long texts: %v", n, err)
	}
	s, _ := w.Sensor("s1")
	if text, _ := json.Marshal(s); len(text) > 2*sensocto.MaxDescription {
		t.Errorf("the sensor takes %d bytes", len(text))
	}
}

func TestRegistry_CleansWhatWasStoredBeforeTextsWereChecked(t *testing.T) {
	c := newCatalog()
	c.sensors["s1"] = sensocto.Sensor{ID: "s1", Name: strings.Repeat("x", 1<<20), Type: "a\x00b", Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "\x1b[2J"}}}
	w := openWorld(t, c)
	s, _ := w.Sensor("s1")
	if len(s.Name) != sensocto.MaxText || s.Type != "a\ufffdb" || s.Attributes[0].Unit != "\ufffd[2J" {
		t.Errorf("after the start: %.200q %q %q", s.Name, s.Type, s.Attributes[0].Unit)
	}
	if s.OwnerID != sensocto.OperatorID {
		t.Errorf("a sensor without an owner belongs to %q", s.OwnerID)
	}
}

// However often a sensor changes, it is announced at most ten times a second,
// and the last state arrives.
func TestSensor_AnnouncementsAreBoundedAndTheLastArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		state, list, status := w.listen(sensocto.SignalTopic("s1")), w.listen(sensocto.TopicSensorsAll), w.listen(sensocto.TopicSensorsStatus)
		began := time.Now()
		n := 0
		for time.Since(began) < 10*time.Second {
			l, _ := w.connect(t, "s1")
			n++
			if err := l.UpdateAttribute(t.Context(), sensocto.AttributeUpdate, sensocto.Attribute{ID: "ecg", Unit: fmt.Sprint(n)}); err != nil {
				t.Fatal(err)
			}
			l.Close()
			time.Sleep(7 * time.Millisecond)
		}
		time.Sleep(time.Second)
		for name, l := range map[string]*listener{"signal": state, "sensors:all": list, "sensors:status": status} {
			if got := len(l.events()); got < 2 || got > 100 {
				t.Errorf("%s: %d events in 10 s", name, got)
			}
			t.Logf("%s: %d events for %d changes", name, len(l.events()), n)
		}
		last := state.last().Payload.(sensocto.Sensor)
		if last.Attributes[0].Unit != fmt.Sprint(n) || last.Activity != sensocto.ActivityOffline {
			t.Errorf("the last state: %+v, want unit %d and offline", last, n)
		}
	})
}

// What waits to be announced when the registry ends is announced then.
func TestSensor_TheLastStateIsAnnouncedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		state := w.listen(sensocto.SignalTopic("s1"))
		l, _ := w.connect(t, "s1")
		for n := range 30 {
			if err := l.UpdateAttribute(t.Context(), sensocto.AttributeUpdate, sensocto.Attribute{ID: "ecg", Unit: fmt.Sprint(n)}); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(state.events()); got > 10 {
			t.Errorf("%d announcements at once", got)
		}
		w.stop()
		if last := state.last().Payload.(sensocto.Sensor); last.Attributes[0].Unit != "29" {
			t.Errorf("the last state: %+v", last)
		}
	})
}

func TestSensor_ListsCarryNoLargeDocuments(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	put := func(attribute, document string) {
		b := l.Batch()
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: sensocto.Sample{Timestamp: epoch, Document: []byte(document)}})
		done := make(chan error, 1)
		if err := errors.Join(l.Push(t.Context(), b, func(err error) { done <- err }), <-done); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		put(fmt.Sprint("large", i), `"`+strings.Repeat("x", 60_000)+`"`)
	}
	put("small", `{"latitude":48.2,"longitude":16.4}`)
	s, _ := w.Sensor("s1")
	text, _ := json.Marshal(s)
	if len(text) > 64<<10 {
		t.Errorf("the sensor takes %d bytes", len(text))
	}
	for _, a := range s.Attributes {
		if (a.LastValue != nil) != (a.ID == "small") {
			t.Errorf("last value of %s: %v", a.ID, a.LastValue)
		}
	}
	put("small", `"`+strings.Repeat("x", 300)+`"`)
	if s, _ = w.Sensor("s1"); s.Attributes[len(s.Attributes)-1].LastValue != nil {
		t.Error("a large document after a small one: the old one is still shown")
	}
}

func TestRegistry_BoundsWhatAnIdentityBrings(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.IdentitySensors, o.IdentitySeries = 2, 4 })
	greedy, other := operator, operator
	greedy.ID, other.ID = "greedy", "other"
	join := func(id sensocto.Identity, sensorID string, attributes []sensocto.Attribute) (sensocto.SensorLink, error) {
		return w.Connect(t.Context(), id, sensocto.Registration{SensorID: sensorID, Attributes: attributes}, &device{})
	}
	first, err := join(greedy, "s1", attributes("a", 3))
	if err != nil {
		t.Fatal(err)
	}
	second, err := join(greedy, "s2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := join(greedy, "s3", nil); sensocto.ErrorReason(err) != "sensor_quota" {
		t.Errorf("a third sensor: %v", err)
	}
	if err := push(t, second, "one", 0, 1); err != nil {
		t.Errorf("the fourth series: %v", err)
	}
	if err := push(t, second, "two", 0, 1); sensocto.ErrorReason(err) != "series_quota" {
		t.Errorf("a fifth series: %v", err)
	}
	if err := push(t, first, "a0", 0, 1); err != nil {
		t.Errorf("what exists: %v", err)
	}
	l, err := join(other, "s3", attributes("a", 4))
	if err != nil {
		t.Fatalf("another identity: %v", err)
	}
	l.Close()
	if _, err := w.Delete(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	if _, err := join(greedy, "s4", nil); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
	if err := push(t, second, "two", 0, 1); err != nil {
		t.Errorf("a series after a deletion: %v", err)
	}
	if got := w.metric("sensor_joins_refused_total"); got != 1 {
		t.Errorf("%v refused joins counted", got)
	}
}

// A restart gives no new quotas: sensors and attributes count for the token that
// brought them, and for whoever is given them.
func TestRegistry_QuotasOutliveARestart(t *testing.T) {
	c := newCatalog()
	bounds := func(o *sensor.Options) { o.IdentitySensors, o.IdentitySeries = 2, 4 }
	greedy, other := operator, operator
	greedy.ID, other.ID = "greedy", "other"
	before := openWorld(t, c, bounds)
	for _, id := range []string{"s1", "s2"} {
		l, err := before.Connect(t.Context(), greedy, sensocto.Registration{SensorID: id, Attributes: attributes("a", 2)}, &device{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, c, bounds)
	join := func(id sensocto.Identity, sensorID string) (sensocto.SensorLink, error) {
		return w.Connect(t.Context(), id, sensocto.Registration{SensorID: sensorID}, &device{})
	}
	if _, err := join(greedy, "s3"); sensocto.ErrorReason(err) != "sensor_quota" {
		t.Errorf("a third sensor after a restart: %v", err)
	}
	l, err := join(greedy, "s1")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := push(t, l, "one", 0, 1); sensocto.ErrorReason(err) != "series_quota" {
		t.Errorf("a fifth series after a restart: %v", err)
	}
	if l, err := join(other, "s3"); err != nil {
		t.Errorf("another token of the same owner: %v", err)
	} else {
		l.Close()
	}
	if err := w.SetOwner(t.Context(), "s2", "bob", false); err != nil { // by its owner: bob was not asked
		t.Fatal(err)
	}
	if s, _ := w.catalog.row("s2"); s.OwnerID != "bob" || s.BroughtBy != greedy.ID {
		t.Errorf("a sensor that was given away is of %q and counts for %q", s.OwnerID, s.BroughtBy)
	}
	if err := push(t, l, "one", 0, 1); sensocto.ErrorReason(err) != "series_quota" {
		t.Errorf("a series after a sensor was given away: %v", err)
	}
	if _, err := join(greedy, "s4"); sensocto.ErrorReason(err) != "sensor_quota" {
		t.Errorf("a sensor after one was given away: %v", err)
	}
	if err := w.SetOwner(t.Context(), "s2", "ada", true); err != nil {
		t.Fatal(err)
	}
	if err := push(t, l, "one", 0, 1); err != nil {
		t.Errorf("a series after a sensor was handed over: %v", err)
	}
	if l, err := join(greedy, "s4"); err != nil {
		t.Errorf("a sensor after one was handed over: %v", err)
	} else {
		l.Close()
	}
	ada := sensocto.Identity{ID: "t2", UserID: "ada", OwnerID: "ada", Scopes: operator.Scopes}
	if _, err := join(ada, "s5"); err != nil {
		t.Errorf("her second: %v", err)
	}
	if _, err := join(ada, "s6"); sensocto.ErrorReason(err) != "sensor_quota" {
		t.Errorf("her third: %v", err)
	}
}

// A sensor has its row before its join is answered: a kill leaves it to its owner,
// also where it sent nothing. While the catalog fails, devices are not refused.
func TestConnect_ANewSensorHasARow(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		id := fmt.Sprint("s", i)
		l, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: id}, &device{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if s, ok := w.catalog.row(id); !ok || s.OwnerID != operator.OwnerID || s.BroughtBy != operator.ID {
			t.Fatalf("%s was answered, and its row is %+v", id, s)
		}
	}
	w.catalog.setFail(errors.New("the database is away"))
	l, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "later"}, &device{})
	if err != nil {
		t.Fatalf("while the catalog fails: %v", err)
	}
	defer l.Close()
	again, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "later"}, &device{})
	if err != nil {
		t.Fatalf("a second time while the catalog fails: %v", err)
	}
	defer again.Close()
	if got := w.metric("sensor_joins_unsaved_total"); got != 2 {
		t.Errorf("%v joins without a row counted", got)
	}
	w.catalog.setFail(nil)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.catalog.row("later"); !ok {
		t.Error("it was never saved")
	}
}

// While memory is critical, what is new is refused and what exists goes on.
func TestRegistry_CriticalMemoryRefusesWhatIsNew(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	if err := push(t, l, "ecg", 0, 1); err != nil {
		t.Fatal(err)
	}
	w.SetLoad(sensocto.Load{Level: sensocto.LoadCritical, MemoryCritical: true})
	if _, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s2"}, &device{}); sensocto.ErrorReason(err) != "unavailable" {
		t.Errorf("a new sensor: %v", err)
	}
	if err := push(t, l, "new", 0, 1); sensocto.ErrorReason(err) != "unavailable" {
		t.Errorf("a new attribute: %v", err)
	}
	if err := push(t, l, "ecg", 1, 1); err != nil {
		t.Errorf("what exists: %v", err)
	}
	// A batch of a stream is taken as a whole or not at all: it comes again.
	durable := func() error {
		b := fill(fill(l.Batch(), "ecg", 2, 1), "new", 0, 1)
		b.Stream, b.StreamSeq = [16]byte{1}, 1
		done := make(chan error, 1)
		if err := l.PushDurable(t.Context(), b, func(err error) { done <- err }); err != nil {
			return err
		}
		return <-done
	}
	if err := durable(); sensocto.ErrorReason(err) != "unavailable" || len(w.read(t, "s1", "ecg")) != 2 {
		t.Errorf("a batch with something new: %v, %d samples", err, len(w.read(t, "s1", "ecg")))
	}
	w.SetLoad(sensocto.Load{})
	if err := durable(); err != nil || len(w.read(t, "s1", "ecg")) != 3 || len(w.read(t, "s1", "new")) != 1 {
		t.Errorf("the same batch later: %v", err)
	}
}

// A clean stop writes what changed, many sensors in a transaction, and not
// again what the catalog has.
func TestRegistry_StopSavesManySensorsAtOnce(t *testing.T) {
	const n = 2000
	c := newCatalog()
	for round, want := range []int{n, 0} {
		synctest.Test(t, func(t *testing.T) {
			c.saves, c.rows = 0, 0
			w := openWorld(t, c)
			c.setFail(errors.New("away")) // all is still to be written at the stop
			for i := range n {
				w.connect(t, fmt.Sprint("s", i))
			}
			c.setFail(nil)
			w.stop()
			if len(c.sensors) != n || c.rows < want || c.rows > 2*want || c.saves > 20 {
				t.Errorf("stop %d: %d sensors in the catalog, %d rows written in %d transactions", round, len(c.sensors), c.rows, c.saves)
			}
		})
	}
}

func TestRegistry_TheEndSaysWhatCouldNotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.catalog.setFail(errors.New("disk full"))
		w.connect(t, "s1")
		if err := w.stop(); err == nil || !strings.Contains(err.Error(), "save 1 sensors: disk full") {
			t.Errorf("the end: %v", err)
		}
	})
}

func TestRegistry_BoundsCommands(t *testing.T) {
	w := newWorld(t)
	l, d := w.connect(t, "s1")
	defer l.Close()
	command := json.RawMessage(`{"text":"` + strings.Repeat("x", sensocto.MaxDocumentBytes) + `"}`)
	if err := w.Command(t.Context(), "s1", command); sensocto.ErrorReason(err) != "command_too_large" || len(d.commands) != 0 {
		t.Errorf("a command of %d bytes: %v", len(command), err)
	}
}

// Ids of sensors of other servers cannot be taken by a device here.
func TestConnect_IDsOfOtherServersSensorsAreReserved(t *testing.T) {
	w := newWorld(t)
	_, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: sensocto.RemoteSensorPrefix + "abc:strap"}, &device{})
	if !errors.Is(err, sensocto.ErrReservedSensorID) {
		t.Errorf("%v", err)
	}
	if _, known := w.Sensor(sensocto.RemoteSensorPrefix + "abc:strap"); known {
		t.Error("it is known now")
	}
}
