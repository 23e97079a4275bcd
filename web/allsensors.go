package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerAllSensors() {
	op := s.personal("list-all-sensors", http.MethodGet, "/administration/sensors", moderator, "Operation", "List the sensors of everybody")
	op.Description = "What an administrator needs to keep order: whose a sensor is, and whether it sends. It has no measurements."
	op.Middlewares = append(op.Middlewares, knownParameters)
	huma.Register(s.api, op, s.listAllSensors)
}

type allSensorsInput struct {
	After  string `query:"next" maxLength:"128" doc:"Continue behind this id: next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Most items of a page."`
	Search string `query:"search" maxLength:"128" doc:"Only sensors with this text in their id, name or type."`
}

type keptSensorView struct {
	ID         string    `json:"sensor_id"`
	Name       string    `json:"sensor_name"`
	Type       string    `json:"sensor_type"`
	Activity   string    `json:"activity_status" enum:"online,idle,offline,unknown"`
	Attributes int       `json:"attributes" doc:"How many it has."`
	OwnerID    string    `json:"owner_id" doc:"A user's id, operator or guest."`
	OwnerName  string    `json:"owner_name,omitempty"`
	Rates      ratesView `json:"rates"`
}

type allSensorsAnswer struct {
	Body struct {
		Sensors []keptSensorView `json:"sensors" nullable:"false" doc:"Sorted by id."`
		Next    string           `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listAllSensors(ctx context.Context, in *allSensorsInput) (*allSensorsAnswer, error) {
	all := s.Sensors.Sensors()
	at, found := slices.BinarySearchFunc(all, in.After, func(x sensocto.Sensor, id string) int { return cmp.Compare(x.ID, id) })
	if found {
		at++
	}
	names := map[string]string{}
	var out allSensorsAnswer
	out.Body.Sensors = []keptSensorView{}
	for _, sensor := range all[at:] {
		if !matches(sensor, strings.ToLower(in.Search)) {
			continue
		}
		if len(out.Body.Sensors) == in.Limit {
			out.Body.Next = out.Body.Sensors[in.Limit-1].ID
			break
		}
		out.Body.Sensors = append(out.Body.Sensors, s.kept(ctx, sensor, names))
	}
	return &out, nil
}

func matches(s sensocto.Sensor, text string) bool {
	return slices.ContainsFunc([]string{s.ID, s.Name, s.Type}, func(of string) bool { return strings.Contains(strings.ToLower(of), text) })
}

// kept describes a sensor without what it measured. names remembers the owners of
// a page.
func (s *server) kept(ctx context.Context, sensor sensocto.Sensor, names map[string]string) keptSensorView {
	owner, _ := s.Sensors.Owner(sensor.ID)
	if _, known := names[owner]; !known {
		u, _ := s.Accounts.User(ctx, owner) // the operator and guests have no account, and need no name
		names[owner] = u.Name
	}
	v := viewOf(sensor, s.Sensors.Rates(sensor.ID))
	return keptSensorView{
		ID: v.ID, Name: v.Name, Type: v.Type, Activity: v.Activity, Attributes: len(v.Attributes),
		OwnerID: owner, OwnerName: names[owner], Rates: v.Rates,
	}
}
