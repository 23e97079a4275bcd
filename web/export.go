package web

import (
	"context"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// ExportQuery says what is to be exported of one sensor.
type ExportQuery struct {
	Sensor   sensocto.Sensor // with the attributes that are wanted
	From, To int64           // µs, as in sensocto.Query
	Format   string          // csv, edf, parquet or wfdb
	Resample float64         // Hz; 0: as it is
}

// ExportFile is an export that can be written: whatever may be refused has been.
type ExportFile interface {
	// Name is how the file is called, with its extension.
	Name() string
	MediaType() string
	// Notes say what the file does not hold of what was asked for.
	Notes() []string
	Write(ctx context.Context, w io.Writer) error
	Close() error
}

// noteHeader carries the notes of an export, one each.
const noteHeader = "Sensocto-Note"

type exportInput struct {
	SensorPath
	Format     string   `query:"format" enum:"csv,edf,parquet,wfdb" default:"csv" doc:"edf: EDF+ with annotations; wfdb: a ZIP archive of a WFDB record."`
	Attributes string   `query:"attributes" doc:"Ids of attributes, separated by commas; by default all." example:"ecg,resp"`
	From       timeText `query:"from" doc:"Begin here, in Unix milliseconds; by default at the first measurement."`
	To         timeText `query:"to" doc:"End before here, in Unix milliseconds; by default behind the last measurement."`
	Resample   rateText `query:"resample" doc:"Interpolate every attribute on a grid of so many Hz. EDF+ and WFDB hold regular signals alone: what is irregular is refused without it."`
}

// rateText is documented as the number that it holds.
type rateText string

// Schema describes a rate.
func (rateText) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: "number"} }

func (s *server) registerExport() {
	op := s.operation("export-sensor", http.MethodGet, "/api/v1/sensors/{id}/export", sensocto.ScopeView, "Measurements", "Download measurements as a recording")
	op.Description = "All attributes of a sensor in one file. Measurements that are no numbers become annotations in EDF+ and WFDB. " +
		"CSV and Parquet are sent as they are read; EDF+ and WFDB are measured first, so that they begin later. " +
		"What a file does not hold of what was asked for, the headers `" + noteHeader + "` say. " +
		"A connection that breaks has no proper end: an answer that ended properly is complete. 409 says that too many exports are under way."
	op.SkipValidateParams = true // as in measurementsInput
	binary := func() *huma.MediaType {
		return &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The file",
		Content: map[string]*huma.MediaType{
			csvType: {Schema: &huma.Schema{Type: "string"}}, "application/octet-stream": binary(),
			"application/vnd.apache.parquet": binary(), "application/zip": binary(),
		},
		Headers: map[string]*huma.Param{
			noteHeader:            {Description: "A sentence about what the file does not hold.", Schema: &huma.Schema{Type: "string"}},
			"Content-Disposition": {Description: "The file's name.", Schema: &huma.Schema{Type: "string"}},
		},
	}}
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.export)
}

func (s *server) export(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if s.Export == nil {
		return nil, problem(http.StatusNotFound, "this server exports nothing")
	}
	query, rights, err := s.exportQuery(ctx, in)
	if err != nil {
		return nil, err
	}
	s.record(ctx, sensocto.AuditExported, in.SensorID, query.Format)
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		out := &download{w: w, deadline: http.NewResponseController(w)}
		if text := sinceText(rights); text != "" {
			w.Header().Add(noteHeader, "what was before "+text+" is left out: the sensor was shared from then on")
		}
		s.finishDownload(r, out, "export", s.writeExport(r, out, query))
	}}, nil
}

func (s *server) writeExport(r *http.Request, out *download, q ExportQuery) error {
	file, err := s.Export(r.Context(), q)
	if err != nil {
		return err
	}
	defer file.Close()
	h := out.w.Header()
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name()}))
	for _, note := range file.Notes() {
		h.Add(noteHeader, headerText(note))
	}
	if out.mediaType = file.MediaType(); r.Method == http.MethodHead {
		h.Set("Content-Type", out.mediaType)
		return nil
	}
	return file.Write(r.Context(), out)
}

// headerText keeps what a header may hold.
func headerText(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
}

func (s *server) exportQuery(ctx context.Context, in *exportInput) (q ExportQuery, rights sensocto.SensorRights, err error) {
	if !sensocto.ValidID(in.SensorID) {
		return q, rights, invalid("path.id", in.SensorID, "must be 1 to 128 of A–Z a–z 0–9 . _ : -")
	}
	if q.Sensor, rights, err = s.known(ctx, in.SensorID, toExport); err != nil {
		return q, rights, err
	}
	if q.Format = in.Format; !slices.Contains([]string{"", "csv", "edf", "parquet", "wfdb"}, q.Format) {
		return q, rights, invalid("query.format", q.Format, "must be csv, edf, parquet or wfdb")
	}
	if q.Format == "" {
		q.Format = "csv"
	}
	if q.Sensor.Attributes, err = wantedAttributes(q.Sensor, in.Attributes); err != nil {
		return q, rights, err
	}
	if q.From, _, err = in.From.micros("query.from"); err != nil {
		return q, rights, err
	}
	var bounded bool
	if q.To, bounded, err = in.To.micros("query.to"); err != nil {
		return q, rights, err
	}
	if bounded && (q.To <= q.From || q.To <= 0) {
		return q, rights, invalid("query.to", string(in.To), "must be after from")
	}
	if q.From = since(q.From, rights); bounded && q.To <= q.From {
		return q, rights, invalid("query.to", string(in.To), "is before "+sinceText(rights)+", from when on the sensor was shared")
	}
	if in.Resample != "" {
		rate, ok := number(string(in.Resample))
		if !ok || !(rate > 0) || math.IsInf(rate, 0) {
			return q, rights, invalid("query.resample", string(in.Resample), "must be a number of Hz greater than 0")
		}
		q.Resample = rate
	}
	return q, rights, nil
}

// wantedAttributes are those of a list of ids, in its order; all where there is
// no list.
func wantedAttributes(s sensocto.Sensor, list string) ([]sensocto.Attribute, error) {
	if list == "" {
		return s.Attributes, nil
	}
	var wanted []sensocto.Attribute
	for id := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(s.Attributes, func(a sensocto.Attribute) bool { return a.ID == id })
		if i < 0 {
			return nil, problem(http.StatusNotFound, "the sensor has no attribute "+truncate(id, 100))
		}
		if !slices.ContainsFunc(wanted, func(a sensocto.Attribute) bool { return a.ID == id }) {
			wanted = append(wanted, s.Attributes[i])
		}
	}
	return wanted, nil
}
