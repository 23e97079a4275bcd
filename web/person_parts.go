package web

import (
	"archive/zip"
	"context"
	"encoding/json"

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

// personPart is a file of a person's archive.
type personPart struct {
	name string
	read func() (any, error)
}

// partsOf returns what an archive holds of a person, beside sensors.
func (s *server) partsOf(ctx context.Context, u sensocto.User, id sensocto.Identity) []personPart {
	return []personPart{
		{"account.json", func() (any, error) { return u.View(true), nil }},
		{"sessions.json", func() (any, error) {
			list, err := s.Accounts.Sessions(ctx, u.ID)
			return viewsOfTokens(list, ""), err
		}},
		{"tokens.json", func() (any, error) {
			list, err := s.Accounts.UserTokens(ctx, u.ID)
			return viewsOfTokens(list, ""), err
		}},
		{"passkeys.json", func() (any, error) {
			list, err := s.Accounts.Passkeys(ctx, u.ID)
			return views(list, viewOfPasskey), err
		}},
		{"identities.json", func() (any, error) {
			list, err := s.Accounts.Identities(ctx, u.ID)
			return views(list, func(e sensocto.ExternalIdentity) any {
				return map[string]string{"issuer": e.Issuer, "subject": e.Subject}
			}), err
		}},
		{"alerts.json", func() (any, error) { return s.allAlerts(ctx, id) }},
		{"shares.json", func() (any, error) { return s.allShares(ctx, id) }},
		{"rooms.json", func() (any, error) { return s.allRooms(ctx, id) }},
		{"invitations.json", func() (any, error) { return s.Rooms.Invitations(ctx, id) }},
		{"audit.json", func() (any, error) { return s.allEvents(ctx, id) }},
		{"notifications.json", func() (any, error) { return s.Rooms.Notifications(ctx, id, "", exportedNotifications) }},
	}
}

// writeJSON adds a file to an archive.
func writeJSON(z *zip.Writer, name string, value any) error {
	entry, err := z.Create(name)
	if err != nil {
		return err
	}
	e := json.NewEncoder(entry)
	e.SetIndent("", "  ")
	return e.Encode(value)
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
