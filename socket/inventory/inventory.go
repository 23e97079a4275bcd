// Package inventory tells viewers which sensors there are, what they are, and which of
// them are online: the topics sensors:all, sensors:status and signal:{id}. What
// somebody does not see is left out. Measurements are for package socket.
package inventory

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/admission"
	"github.com/sensocto/sensocto/socket/outbound"
)

// Options are what the topics need.
type Options struct {
	Sensors    sensocto.SensorRegistry
	Rights     sensocto.Rights
	Reads      admission.Turns // shared with all that reads history: a processor stays free for what is live
	ReplyBytes int             // bound of one reply
}

// Topics makes the topics of joiners. Each lives for one join of a connection: package
// socket calls Join, then Joined, Handle and Recheck, and in the end Close.
type Topics struct{ Options }

// New returns Topics. It starts nothing.
func New(o Options) *Topics { return &Topics{o} }

// View returns the rights of whoever may see a sensor live, and
// sensocto.ErrUnauthorized for anybody else.
func (t *Topics) View(ctx context.Context, id sensocto.Identity, sensorID string) (sensocto.SensorRights, error) {
	rights, err := t.Rights.Sensor(ctx, id, sensorID)
	if err == nil && !rights.Live {
		err = sensocto.ErrUnauthorized
	}
	return rights, err
}

// Sensor returns a sensor's snapshot, also of one never seen, without last values of
// before a time.
func (t *Topics) Sensor(id string, since time.Time) sensocto.Sensor {
	if sensor, ok := t.Sensors.Sensor(id); ok {
		return outbound.Tidy(sensor.Since(since))
	}
	return sensocto.UnknownSensor(id)
}
