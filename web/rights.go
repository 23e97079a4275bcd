package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// What somebody may do with a sensor is asked at each request, after the scope
// of the credential let it in (see require).

// right is one of the rights to a sensor.
type right func(sensocto.SensorRights) bool

func toView(r sensocto.SensorRights) bool    { return r.Live }
func toHistory(r sensocto.SensorRights) bool { return r.History }
func toExport(r sensocto.SensorRights) bool  { return r.Export }
func toCommand(r sensocto.SensorRights) bool { return r.Command }
func toNote(r sensocto.SensorRights) bool    { return r.Command || r.Ingest }
func toIngest(r sensocto.SensorRights) bool  { return r.Ingest }
func toShare(r sensocto.SensorRights) bool   { return r.Share }
func toEdit(r sensocto.SensorRights) bool    { return r.Edit }
func toDelete(r sensocto.SensorRights) bool  { return r.Delete }

// may returns what the asker may do with a sensor, or a problem where the right
// is missing. Whether a sensor exists is nobody's business who has no right to
// it at all.
func (s *server) may(ctx context.Context, sensorID string, has right) (sensocto.SensorRights, error) {
	id := identityOf(ctx)
	rights, err := s.Rights.Sensor(ctx, id, sensorID)
	switch {
	case err != nil:
		s.Log.Error("cannot look up rights", "sensor", sensorID, "err", err)
		return rights, problem(http.StatusServiceUnavailable, "rights cannot be checked now: try again later")
	case has(rights):
		return rights, nil
	case !rights.Live && !rights.Edit && !rights.Ingest && !id.Operator():
		refusedAs(ctx, sensocto.SecurityRightRefused, "no_right") // the answer does not tell
		return rights, noSensor(sensorID)
	case id.ID == sensocto.GuestID:
		return rights, huma.ErrorWithHeaders(problem(http.StatusUnauthorized, "without a token this is not allowed: sign in, or send one"),
			http.Header{"Www-Authenticate": {`Bearer realm="sensocto"`}})
	}
	return rights, problem(http.StatusForbidden, "the right to do this is missing: docs/rights.md says who has it")
}

func noSensor(id string) error { return problem(http.StatusNotFound, "there is no sensor "+id) }

// known returns a sensor to which the asker has a right, or a problem.
func (s *server) known(ctx context.Context, id string, has right) (sensocto.Sensor, sensocto.SensorRights, error) {
	sensor, ok := s.Sensors.Sensor(id)
	if !ok {
		return sensor, sensocto.SensorRights{}, noSensor(id)
	}
	rights, err := s.may(ctx, id, has)
	return sensor, rights, err
}

// own reports whether a sensor is the asker's. It asks no database.
func (s *server) own(ctx context.Context, sensorID string) bool {
	id := identityOf(ctx)
	owner, known := s.Sensors.Owner(sensorID)
	switch {
	case !known || len(id.SensorIDs) > 0 && !slices.Contains(id.SensorIDs, sensorID):
		return false
	case owner == sensocto.OperatorID || id.Operator():
		return id.Can(sensocto.ScopeAdmin)
	}
	return owner == id.OwnerID && owner != sensocto.GuestID
}

// visible returns what the asker sees in lists.
func (s *server) visible(ctx context.Context) (func(sensorID string) (since time.Time, sees bool), error) {
	v, err := s.Rights.Visible(ctx, identityOf(ctx))
	if err != nil {
		return nil, s.translate(err, "look up rights", "")
	}
	return func(sensorID string) (since time.Time, sees bool) {
		owner, known := s.Sensors.Owner(sensorID)
		since, sees = v.Sees(sensorID, owner)
		return since, sees && (known || v.All)
	}, nil
}

// since is the later of a query's beginning and that of what may be seen, in µs.
func since(from int64, rights sensocto.SensorRights) int64 {
	if rights.Since.IsZero() {
		return from
	}
	return max(from, rights.Since.UnixMicro())
}

// sinceText is since for people; "" where there is no bound.
func sinceText(rights sensocto.SensorRights) string {
	if rights.Since.IsZero() {
		return ""
	}
	return rights.Since.UTC().Format(time.RFC3339)
}
