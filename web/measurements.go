package web

import (
	"context"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/negotiation"

	"github.com/sensocto/sensocto"
)

const (
	defaultLimit = 1_000
	maxLimit     = 50_000
	csvType      = "text/csv"
)

// measurementsInput holds the parameters as text: what is a number in any
// spelling and size is taken, so the numbers are read here.
type measurementsInput struct {
	SensorPath
	AttributeID string   `path:"attribute" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$" doc:"The attribute's id." example:"ecg"`
	From        timeText `query:"from" doc:"Only measurements at or after this time, in Unix milliseconds; decimals are microseconds."`
	To          timeText `query:"to" doc:"Only measurements before this time, in Unix milliseconds; decimals are microseconds."`
	Limit       intText  `query:"limit" doc:"How many at most, 1,000 by default. Less than 1 is taken for 1, more than 50,000 for 50,000."`
	Order       string   `query:"order" enum:"asc,desc" default:"asc" doc:"Oldest or newest first. Measurements of the same time keep the order of their arrival."`
	Next        string   `query:"next" doc:"Continue behind an earlier page: what it had in next. The other parameters must be the same."`
	Format      string   `query:"format" enum:"json,csv" doc:"Goes before the header Accept."`
	Accept      string   `header:"Accept" hidden:"true"`
}

type measurementsPage struct {
	Measurements []measurementView `json:"measurements" nullable:"false"`
	Next         *string           `json:"next" nullable:"true" doc:"Pass it back as next= to continue; null when there is nothing more."`
}

// timeText and intText are documented as the numbers that they hold.
type (
	timeText string
	intText  string
)

// Schema describes a time.
func (timeText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{{Type: "number", Description: "Unix time in milliseconds; decimals are microseconds."}, {Type: "string", Format: "date-time"}}}
}

// Schema describes a limit.
func (intText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer", Default: defaultLimit}
}

// Schema describes a timestamp.
func (timestamp) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "number", Description: "Unix time in milliseconds; decimals are microseconds."}
}

func (s *server) registerMeasurements() {
	op := s.operation("list-measurements", http.MethodGet, "/api/v1/sensors/{id}/attributes/{attribute}/measurements", sensocto.ScopeView, "Measurements", "Read an attribute's measurements")
	op.Description = "In the order of time, page by page. As CSV (`format=csv`, or `Accept: text/csv`) there is a line `timestamp,payload`, then a line each; " +
		"times and numbers are written as in JSON, other payloads are their JSON text in quotes. " +
		"The pages of one read are a snapshot: what comes in after the first one is on none of them. For a trace of a long time ask for the history instead. " +
		"Where there is more, the header `Link` with `rel=\"next\"` holds the address of the next page, in both formats."
	op.SkipValidateParams = true // see measurementsInput
	page := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[measurementsPage](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "A page of measurements",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: page},
			csvType:            {Schema: &huma.Schema{Type: "string"}, Example: "timestamp,payload\n1767225600000,0.125\n1767225600001.953,\"{\"\"lead\"\":\"\"off\"\"}\"\n"},
		},
		Headers: map[string]*huma.Param{"Link": {Description: "The next page, rel=\"next\"; absent at the end.", Schema: &huma.Schema{Type: "string"}}},
	}}
	op.Middlewares = append(op.Middlewares, s.fewAtATime)
	huma.Register(s.api, op, s.measurements)
}

func (s *server) measurements(ctx context.Context, in *measurementsInput) (*huma.StreamResponse, error) {
	sensor, rights, err := s.knownAttribute(ctx, in.SensorID, in.AttributeID)
	if err != nil {
		return nil, err
	}
	csv, err := wantsCSV(in.Format, in.Accept)
	if err != nil {
		return nil, err
	}
	query, empty, err := in.query()
	if err != nil {
		return nil, err
	}
	query.From = since(query.From, rights)
	empty = empty || query.To != 0 && query.To <= query.From
	var page sensocto.Page
	if !empty {
		if page, err = s.Store.Read(ctx, in.SensorID, in.AttributeID, query); err != nil {
			return nil, s.translate(err, "read measurements", in.SensorID)
		}
	}
	if len(page.Samples) == 0 && !hasAttribute(sensor, in.AttributeID) {
		return nil, problem(http.StatusNotFound, "the sensor has no attribute "+in.AttributeID)
	}
	next := ""
	if page.Next != nil {
		next = in.key(query.Order).format(*page.Next)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		writeMeasurements(w, r, page.Samples, next, csv)
	}}, nil
}

func (s *server) knownAttribute(ctx context.Context, sensorID, attributeID string) (sensocto.Sensor, sensocto.SensorRights, error) {
	if !sensocto.ValidID(sensorID) {
		return sensocto.Sensor{}, sensocto.SensorRights{}, invalid("path.id", sensorID, "must be 1 to 128 of A–Z a–z 0–9 . _ : -")
	}
	if !sensocto.ValidAttributeID(attributeID) {
		return sensocto.Sensor{}, sensocto.SensorRights{}, invalid("path.attribute", attributeID, sensocto.ErrInvalidAttributeID.Message)
	}
	return s.known(ctx, sensorID, toHistory)
}

func hasAttribute(s sensocto.Sensor, id string) bool {
	return slices.ContainsFunc(s.Attributes, func(a sensocto.Attribute) bool { return a.ID == id })
}

func (in *measurementsInput) key(o sensocto.Order) cursorKey {
	return cursorKey{in.SensorID, in.AttributeID, o}
}

func wantsCSV(format, accept string) (bool, error) {
	switch format {
	case "csv":
		return true, nil
	case "json":
		return false, nil
	case "":
		return negotiation.SelectQValueFast(accept, []string{"application/json", csvType}) == csvType, nil
	}
	return false, invalid("query.format", format, "must be json or csv")
}

// query reads the parameters. empty says that they exclude everything.
func (in *measurementsInput) query() (q sensocto.Query, empty bool, err error) {
	if q.From, _, err = in.From.micros("query.from"); err != nil {
		return q, false, err
	}
	to, bounded, err := in.To.micros("query.to")
	if err != nil {
		return q, false, err
	}
	q.To = to // 0 would mean no end, but then nothing is asked
	if q.Limit, err = in.Limit.limit(); err != nil {
		return q, false, err
	}
	switch in.Order {
	case "", "asc":
	case "desc":
		q.Order = sensocto.Descending
	default:
		return q, false, invalid("query.order", in.Order, "must be asc or desc")
	}
	if in.Next != "" {
		after, ok := in.key(q.Order).parse(in.Next)
		if !ok {
			return q, false, invalid("query.next", in.Next, "is not the next of a page of this attribute in this order")
		}
		q.After = &after
	}
	return q, bounded && (q.To <= q.From || q.To <= 0), nil
}

// micros returns the time in µs. Times that no clock shows are moved to the
// end of time, where they mean the same.
func (t timeText) micros(location string) (us int64, given bool, err error) {
	if t == "" {
		return 0, false, nil
	}
	ms, ok := number(string(t))
	if !ok {
		at, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(string(t), " ", "+")) // a plus that was not escaped
		if err != nil {
			return 0, false, invalid(location, string(t), "must be Unix time in milliseconds, or as in 2026-01-31T12:00:00Z (RFC 3339)")
		}
		ms = float64(at.UnixMicro()) / 1000
	}
	const endOfTime = math.MaxInt64 / 4
	us, ok = sensocto.TimestampFromMS(ms)
	if !ok && ms > 0 {
		us = endOfTime
	}
	return min(max(us, 0), endOfTime), true, nil
}

func (t intText) limit() (int, error) {
	if t == "" {
		return defaultLimit, nil
	}
	n, ok := number(string(t))
	if !ok {
		return 0, invalid("query.limit", string(t), "must be a number")
	}
	return int(min(max(n, 1), maxLimit)), nil
}

// number reads a decimal number of any size: one too large is infinite.
func number(text string) (float64, bool) {
	if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) {
		return 0, false // words such as NaN, and hexadecimal
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil || math.IsInf(v, 0)
}
