package sensor

import (
	"time"

	"github.com/sensocto/sensocto"
)

// At most 10 announcements of a sensor in any second: a burst of 5, and 5 a
// second from then on.
const (
	announceEvery = 200 * time.Millisecond
	announceBurst = 5
)

// pace spaces announcements out. The zero value allows a burst.
type pace struct {
	full time.Time // when the whole burst is allowed again
}

// wait returns for how long the next announcement has to wait.
func (p *pace) wait(now time.Time) time.Duration {
	return max(0, p.full.Sub(now)) - (announceBurst-1)*announceEvery
}

func (p *pace) took(now time.Time) {
	if p.full.Before(now) {
		p.full = now
	}
	p.full = p.full.Add(announceEvery)
}

// announce tells the world of a changed state: once for a mail, however much
// it changed, and not more often than the pace allows. What has to wait
// coalesces; the last state always arrives.
func (p *process) announce() {
	if p.deleted.Load() {
		return
	}
	if p.unsaved {
		p.unsaved = false
		if !p.remote || p.hasRow.Load() {
			p.registry.catalog.save(p)
		}
	}
	if !p.dirty {
		return
	}
	if now := time.Now(); p.pace.wait(now) <= 0 {
		p.pace.took(now)
		p.publishState(now)
	}
}

// publishState announces the present state now.
func (p *process) publishState(now time.Time) {
	p.dirty = false
	s := p.view.snapshot(now)
	ps := p.registry.options.PubSub
	if connected := s.Activity != sensocto.ActivityOffline; connected != p.saidConnected {
		p.saidConnected = connected
		event := sensocto.EventSensorDisconnected
		if connected {
			event = sensocto.EventSensorConnected
		}
		ps.Publish(&sensocto.Message{Topic: sensocto.TopicSensorsStatus, Event: event, Payload: s})
	}
	ps.Publish(&sensocto.Message{Topic: sensocto.SignalTopic(p.id), Event: sensocto.EventNewState, Payload: s})
	p.registry.listChanged(sensocto.SensorListUpdate{Changed: []sensocto.Sensor{s}})
}

// announceDue announces what is due, which is all when the registry ends, and returns
// when the rest will be; zero where there is none.
func (p *process) announceDue() time.Time {
	if p.dirty && p.mailbox.isClosed() && !p.deleted.Load() {
		p.publishState(time.Now())
	}
	if p.announce(); !p.dirty {
		return time.Time{}
	}
	now := time.Now()
	return now.Add(p.pace.wait(now))
}

// await waits for mail or until due, if there is such a time.
func (p *process) await(due time.Time) {
	if due.IsZero() {
		<-p.mailbox.wake
		return
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-p.mailbox.wake:
	case <-timer.C:
	}
}
