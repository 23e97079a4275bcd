package alert_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/pubsub"
)

// memory is a Store without I/O, which virtual time needs.
type memory struct {
	mu    sync.Mutex
	rules map[string]sensocto.AlertInfo
	away  bool
}

func (m *memory) InsertAlert(_ context.Context, r sensocto.AlertRule, _, _ int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rules[r.ID] = sensocto.AlertInfo{Rule: r, State: sensocto.AlertState{RuleID: r.ID}}
	return nil
}

func (m *memory) UpdateAlert(_ context.Context, r sensocto.AlertRule, s sensocto.AlertState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Version++
	m.rules[r.ID] = sensocto.AlertInfo{Rule: r, State: s}
	return nil
}

func (m *memory) SaveAlertStates(_ context.Context, states []sensocto.AlertState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range states {
		i := m.rules[s.RuleID]
		i.State = s
		m.rules[s.RuleID] = i
	}
	return nil
}

func (m *memory) DeleteAlert(_ context.Context, _, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rules, id)
	return nil
}

func (m *memory) Alert(_ context.Context, _, id string) (sensocto.AlertInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.rules[id]
	if !ok {
		return i, sensocto.ErrNotFound
	}
	return i, nil
}

func (m *memory) Alerts(context.Context, string, string, int) ([]sensocto.AlertInfo, error) {
	return nil, nil
}

func (m *memory) AllAlerts(_ context.Context, after string, _ int) (list []sensocto.AlertInfo, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, i := range m.rules {
		if id > after {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b sensocto.AlertInfo) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	return list, nil
}

func (m *memory) User(_ context.Context, id string) (sensocto.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return sensocto.User{}, sensocto.ErrUnavailable
	}
	return sensocto.User{ID: id}, nil
}

// bubble is Alerts in virtual time, with one rule.
type bubble struct {
	*alert.Alerts
	t    *testing.T
	hub  *pubsub.Local
	told *notifications
	id   string
}

func inBubble(t *testing.T, r sensocto.AlertRule, change func(*alert.Options), f func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, hub: pubsub.New(), told: newNotifications()}
		o := alert.Options{Store: &memory{rules: map[string]sensocto.AlertInfo{}}, Rights: sensocto.ScopeRights{}, Notifier: b.told,
			PubSub: b.hub, Attention: attention.New(attention.Options{})}
		if change != nil {
			change(&o)
		}
		b.Alerts = alert.New(o)
		i, err := b.Create(t.Context(), identity("ada"), r)
		must(t, err)
		b.id = i.Rule.ID
		stop := run(b.Alerts)
		f(b)
		stop()
	})
}

// send sends values a second apart.
func (b *bubble) send(values ...float64) {
	for _, v := range values {
		publish(b.hub, "strap", "hr", v)
		time.Sleep(time.Second)
	}
	synctest.Wait()
}

func (b *bubble) wantTold(want ...string) {
	b.t.Helper()
	got := b.told.take()
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], "ada alert strap: ")
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("told %q, want %q", got, want)
	}
}

func TestRule_HysteresisKeepsItFromFlapping(t *testing.T) {
	for condition, steps := range map[sensocto.AlertCondition]struct {
		flap []float64 // around the threshold, not back by the hysteresis
		back float64
		text string
	}{
		sensocto.AlertAbove:   {[]float64{99, 101, 99, 101, 91, 101}, 90, "hr is 101, above 100"},
		sensocto.AlertBelow:   {[]float64{51, 49, 51, 49, 59, 49}, 60, "hr is 49, below 50"},
		sensocto.AlertOutside: {[]float64{51, 49, 51, 49, 59, 101, 91, 49}, 60, "hr is 49, outside 50 to 100"},
	} {
		r := high()
		r.Condition, r.Low = condition, 50
		inBubble(t, r, nil, func(b *bubble) {
			b.send(steps.flap...)
			b.wantTold(steps.text)
			time.Sleep(2 * time.Minute)
			b.send(steps.flap[1]) // it never came back: the same excursion
			b.wantTold()
			b.send(steps.back, steps.flap[1])
			b.wantTold(steps.text)
		})
	}
}

func TestRule_PausesBetweenAlerts(t *testing.T) {
	inBubble(t, high(), nil, func(b *bubble) {
		b.send(101, 80, 102, 80, 103, 80)
		b.wantTold("hr is 101, above 100")
		time.Sleep(2 * time.Minute) // what was over before the end of the pause is not told
		b.wantTold()
		b.send(104)
		b.wantTold("hr is 104, above 100")
		b.send(80, 105)
		b.wantTold()
		time.Sleep(time.Minute) // what lasts is told at its end
		synctest.Wait()
		b.wantTold("hr is 105, above 100")
		if n := metric(b, "alert_delayed_total"); n != 3 {
			t.Errorf("%v delayed", n)
		}
	})
}

func TestRule_NoticesThatNothingComes(t *testing.T) {
	r := sensocto.AlertRule{SensorID: "strap", Name: "Silence", Condition: sensocto.AlertNoData, After: 30 * time.Second, Pause: time.Minute, Enabled: true}
	inBubble(t, r, nil, func(b *bubble) {
		time.Sleep(29 * time.Second)
		b.send(1)
		time.Sleep(29 * time.Second)
		b.wantTold()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		b.wantTold("no data for 30s")
		time.Sleep(time.Hour)
		b.wantTold() // once
		b.send(1)
		time.Sleep(32 * time.Second)
		synctest.Wait()
		b.wantTold("no data for 30s")
	})
}

func TestRule_LooksAtTheBattery(t *testing.T) {
	r := sensocto.AlertRule{SensorID: "strap", Name: "Battery", Condition: sensocto.AlertBattery, Low: 20, Hysteresis: 10, Pause: time.Minute, Enabled: true}
	inBubble(t, r, nil, func(b *bubble) {
		b.send(5) // of another attribute
		publish(b.hub, "strap", "battery_level", 21)
		synctest.Wait()
		b.wantTold()
		for _, document := range []string{`"low"`, `{"level":"x"}`, `{"charging":true, "level": 1.5e1}`} {
			b.hub.Publish(&sensocto.Message{Topic: sensocto.DataTopic("strap"), Payload: &sensocto.Batch{SensorID: "strap", Measurements: []sensocto.Measurement{
				{AttributeID: "battery", Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Document: []byte(document)}},
			}}})
		}
		synctest.Wait()
		b.wantTold("the battery is at 15, under 20")
	})
}

// What a device stored while it was away, and sends afterwards, changes nothing.
func TestRule_OverlooksWhatIsLate(t *testing.T) {
	inBubble(t, high(), nil, func(b *bubble) {
		b.send(80)
		late := &sensocto.Batch{SensorID: "strap", Measurements: []sensocto.Measurement{
			{AttributeID: "hr", Sample: sensocto.Sample{Timestamp: time.Now().Add(-time.Hour).UnixMicro(), Value: 150}},
		}}
		b.hub.Publish(&sensocto.Message{Topic: sensocto.DataTopic("strap"), Payload: late})
		synctest.Wait()
		b.wantTold()
		fast := &sensocto.Batch{SensorID: "strap", Measurements: []sensocto.Measurement{
			{AttributeID: "hr", Sample: sensocto.Sample{Timestamp: time.Now().Add(time.Hour).UnixMicro(), Value: 80}},
		}}
		b.hub.Publish(&sensocto.Message{Topic: sensocto.DataTopic("strap"), Payload: fast}) // by a clock that is fast
		time.Sleep(time.Second)
		b.send(150)
		b.wantTold("hr is 150, above 100")
	})
}

// stuck is a Notifier that waits.
type stuck struct {
	*notifications
	free chan struct{}
}

func (s stuck) Notify(ctx context.Context, userID, kind string, data any) error {
	<-s.free
	return s.notifications.Notify(ctx, userID, kind, data)
}

// A full queue blocks no sensor and loses no alert that still holds.
func TestRule_TriesAgainWhereTheQueueIsFull(t *testing.T) {
	var s stuck
	inBubble(t, high(), func(o *alert.Options) {
		s = stuck{newNotifications(), make(chan struct{})} // Go channels belong to the bubble they are made in
		o.Queue, o.Notifier = 1, s
	}, func(b *bubble) {
		for range 2 {
			_, err := b.Create(t.Context(), identity("ada"), high())
			must(t, err)
		}
		b.send(101) // one is being told, one waits, one finds no place
		if n := metric(b, "alert_queue_full_total"); n < 1 {
			t.Errorf("%v found the queue full", n)
		}
		close(s.free)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if told := s.take(); len(told) != 3 {
			t.Errorf("told %q", told)
		}
	})
}

func TestRule_ChangesTakeEffectAtOnce(t *testing.T) {
	inBubble(t, high(), nil, func(b *bubble) {
		b.send(95)
		_, err := b.Update(t.Context(), identity("ada"), b.id, func(r *sensocto.AlertRule) { r.High = 90 })
		must(t, err)
		b.send(95)
		b.wantTold("hr is 95, above 90")
		_, err = b.Update(t.Context(), identity("ada"), b.id, func(r *sensocto.AlertRule) { r.Enabled = false })
		must(t, err)
		time.Sleep(2 * time.Minute)
		b.send(80, 200)
		b.wantTold()
		if b.hub.Subscribed(sensocto.DataTopic("strap")) {
			t.Error("a rule that is off still watches")
		}
	})
}

// While the database is away alerts wait, and come when it is back.
func TestRule_WaitsForTheDatabase(t *testing.T) {
	m := &memory{rules: map[string]sensocto.AlertInfo{}}
	away := func(away bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.away = away
	}
	inBubble(t, high(), func(o *alert.Options) { o.Store = m }, func(b *bubble) {
		away(true)
		b.send(130)
		time.Sleep(5 * time.Minute)
		b.wantTold()
		away(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.wantTold("hr is 130, above 100")
	})
}
