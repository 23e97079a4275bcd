package web

import (
	"context"

	"github.com/sensocto/sensocto"
)

// views returns the views of items, never nil.
func views[T, V any](items []T, view func(T) V) []V {
	list := make([]V, len(items))
	for i, item := range items {
		list[i] = view(item)
	}
	return list
}

// allAlerts returns a person's alert rules.
func (s *server) allAlerts(ctx context.Context, id sensocto.Identity) (all []alertView, err error) {
	const page = 200
	all = []alertView{}
	if s.Alerts == nil {
		return all, nil
	}
	for after := ""; ; {
		list, err := s.Alerts.List(ctx, id, after, page)
		if err != nil {
			return nil, err
		}
		all = append(all, views(list, viewOfAlert)...)
		if len(list) < page {
			return all, nil
		}
		after = list[len(list)-1].Rule.ID
	}
}

// sharedSensor says with whom one of a person's sensors is shared.
type sharedSensor struct {
	SensorID string      `json:"sensor_id"`
	Grants   []grantView `json:"grants"`
	Rooms    []shareView `json:"rooms"`
}

// allShares returns with whom a person's sensors are shared.
func (s *server) allShares(ctx context.Context, id sensocto.Identity) (all []sharedSensor, err error) {
	all = []sharedSensor{}
	for _, sensor := range s.Sensors.Sensors() {
		if owner, known := s.Sensors.Owner(sensor.ID); !known || owner != id.UserID {
			continue
		}
		grants, shares, err := s.Rooms.Shared(ctx, id, sensor.ID)
		if err != nil {
			return nil, err
		}
		if len(grants)+len(shares) > 0 {
			all = append(all, sharedSensor{sensor.ID, views(grants, viewOfGrant), views(shares, viewOfShare)})
		}
	}
	return all, nil
}
