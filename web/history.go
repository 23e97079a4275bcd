package web

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// historyInput holds the parameters as text, as measurementsInput does.
type historyInput struct {
	SensorPath
	AttributeID string    `path:"attribute" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$" doc:"The attribute's id." example:"ecg"`
	From        timeText  `query:"from" doc:"Begin here, in Unix milliseconds; by default at the first measurement."`
	To          timeText  `query:"to" doc:"End before here, in Unix milliseconds; by default behind the last measurement."`
	Resolution  string    `query:"resolution" default:"auto" doc:"auto: as fine as max_buckets allows, the measurements themselves where they are no more. raw: the measurements page by page, as …/measurements answers them. Otherwise the least width of a bucket, as 500ms, 10s, 5m, 1h or 7d." example:"10s"`
	MaxBuckets  countText `query:"max_buckets" doc:"How many buckets or points at most, 1,000 by default. Less than 2 is taken for 2, more than 10,000 for 10,000."`
	Field       string    `query:"field" maxLength:"64" doc:"A number in the measurements where these are documents, such as x of {\"x\":0.1,\"y\":0.9}: always as buckets, or points of these." example:"x"`
	Method      string    `query:"method" enum:"buckets,lttb" default:"buckets" doc:"lttb: points that make about the same line (Largest Triangle Three Buckets)."`
	Limit       intText   `query:"limit" doc:"Of resolution raw: how many measurements a page has at most, 1,000 by default, up to 50,000."`
	Next        string    `query:"next" doc:"Of resolution raw: continue behind an earlier page, with what that had in next."`
	Format      string    `query:"format" enum:"json,csv" doc:"Goes before the header Accept."`
	Accept      string    `header:"Accept" hidden:"true"`
}

// raw is the same question to …/measurements.
func (in *historyInput) raw() *measurementsInput {
	return &measurementsInput{
		SensorPath: in.SensorPath, AttributeID: in.AttributeID, From: in.From, To: in.To, Limit: in.Limit, Next: in.Next, Format: in.Format, Accept: in.Accept,
	}
}

type historyView struct {
	Width        timestamp         `json:"width" doc:"Of the buckets, in milliseconds: what was asked for or somewhat more. 0 where there are measurements only."`
	From         timestamp         `json:"from" doc:"What the answer covers begins here: at a multiple of the width."`
	To           timestamp         `json:"to" doc:"And ends before here: at a multiple of the width."`
	Documents    int64             `json:"documents" doc:"How many measurements in between are no numbers; they are in no bucket."`
	Buckets      []bucketView      `json:"buckets" nullable:"false" doc:"By time. Where there were no numbers there is no bucket."`
	Measurements []measurementView `json:"measurements" nullable:"false" doc:"In place of buckets: see points."`
	Points       sensocto.Points   `json:"points" enum:",samples,lttb_of_samples,lttb_of_buckets" doc:"What measurements holds. samples: all of them; lttb_of_samples: chosen ones; lttb_of_buckets: chosen among the first, least, greatest and last numbers of buckets."`
}

type bucketView struct {
	Min   float64   `json:"min"`
	Max   float64   `json:"max"`
	Mean  float64   `json:"mean"`
	First float64   `json:"first"`
	Last  float64   `json:"last"`
	Count int64     `json:"count"`
	From  timestamp `json:"from" doc:"Time of the first number."`
	To    timestamp `json:"to" doc:"Time of the last number."`
}

// countText is documented as the number that it holds.
type countText string

// Schema describes a number of buckets.
func (countText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "integer", Default: sensocto.DefaultHistoryBuckets}
}

func (s *server) registerHistory() {
	op := s.operation("read-history", http.MethodGet, "/api/v1/sensors/{id}/attributes/{attribute}/history", sensocto.ScopeView, "Measurements", "Read what a trace of an attribute is drawn from")
	op.Description = "Buckets of equal width, which begin at multiples of it in Unix time. Count, minimum, maximum, first and last of a bucket are exact, " +
		"so that a trace drawn from buckets looks like one of all measurements. The time it takes depends on the number of buckets, not on the time that they cover. " +
		"As CSV (`format=csv`, or `Accept: text/csv`) there is a line `start,count,min,max,mean,first,last,from,to`, then one for each bucket; " +
		"or `timestamp,payload` where there are measurements. With `resolution=raw` the answer is that of `…/measurements`: measurements one by one, page by page."
	op.SkipValidateParams = true // see historyInput
	answer := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[historyView](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The history",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: answer},
			csvType:            {Schema: &huma.Schema{Type: "string"}, Example: "start,count,min,max,mean,first,last,from,to\n1767225600000,512,-0.2,1.1,0.05,0,0.1,1767225600000,1767225600998.046\n"},
		},
	}}
	op.Middlewares = append(op.Middlewares, s.fewAtATime)
	huma.Register(s.api, op, s.history)
}

func (s *server) history(ctx context.Context, in *historyInput) (*huma.StreamResponse, error) {
	if in.Resolution == "raw" && in.Field == "" {
		return s.measurements(ctx, in.raw())
	}
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
	query.From, query.NotBefore = since(query.From, rights), since(0, rights)
	empty = empty || query.To != 0 && query.To <= query.From
	answer := sensocto.History{From: query.From, To: query.To}
	if !empty {
		if answer, err = s.Store.History(ctx, in.SensorID, in.AttributeID, query); err != nil {
			return nil, s.translate(err, "read history", in.SensorID)
		}
	}
	if len(answer.Buckets)+len(answer.Samples) == 0 && answer.Documents == 0 && !hasAttribute(sensor, in.AttributeID) {
		return nil, problem(http.StatusNotFound, "the sensor has no attribute "+in.AttributeID)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		writeHistory(w, r, &answer, csv)
	}}, nil
}

// query reads the parameters. empty says that they exclude everything.
func (in *historyInput) query() (q sensocto.HistoryQuery, empty bool, err error) {
	if q.From, _, err = in.From.micros("query.from"); err != nil {
		return q, false, err
	}
	to, bounded, err := in.To.micros("query.to")
	if err != nil {
		return q, false, err
	}
	q.To = to // 0 would mean no end, but then nothing is asked
	if q.MaxBuckets, err = in.MaxBuckets.count(); err != nil {
		return q, false, err
	}
	if q.Field = in.Field; len(q.Field) > 64 || q.Field != "" && in.Resolution == "raw" {
		return q, false, invalid("query.field", in.Field, "must be a name of at most 64 bytes, and is not for resolution=raw")
	}
	switch in.Method {
	case "", "buckets":
	case "lttb":
		q.LTTB = true
	default:
		return q, false, invalid("query.method", in.Method, "must be buckets or lttb")
	}
	switch in.Resolution {
	case "", "auto":
		q.Samples = true
	case "raw": // which goes without a field alone
	default:
		width, ok := sensocto.ParseWidth(in.Resolution)
		if !ok {
			return q, false, invalid("query.resolution", in.Resolution, "must be auto, raw, or a number and one of us, ms, s, m, h, d")
		}
		q.Width = width
	}
	return q, bounded && (q.To <= q.From || q.To <= 0), nil
}

func (t countText) count() (int, error) {
	if t == "" {
		return 0, nil
	}
	n, ok := number(string(t))
	if !ok {
		return 0, invalid("query.max_buckets", string(t), "must be a number")
	}
	return int(min(max(n, 2), sensocto.MaxHistoryBuckets)), nil
}
