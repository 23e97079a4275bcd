package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

type readCmd struct {
	remoteFlags
	Sensor    string `arg:"" help:"Id of the sensor."`
	Attribute string `arg:"" help:"Id of the attribute."`
	From      string `placeholder:"TIME" help:"Begin here (RFC 3339 or Unix ms), inclusive."`
	To        string `placeholder:"TIME" help:"End before here."`
	Limit     *int   `placeholder:"N" help:"At most this many; default all."`
	Order     string `enum:"asc,desc" default:"asc" help:"asc: oldest first; desc: newest first."`
	Format    string `enum:"csv,json" default:"csv" help:"csv: a line timestamp,payload each; json: as the API answers, in one piece."`

	Resolution string `placeholder:"WIDTH" default:"raw" help:"raw: every sample; auto: as fine as --max-buckets allows; or the width of buckets at least, such as 500ms, 10s, 1h, 1d."`
	MaxBuckets *int   `placeholder:"N" help:"At most this many buckets or points, 2 to 10000; default 1000."`
	Method     string `enum:"buckets,lttb" default:"buckets" help:"lttb: points that make about the same line, instead of buckets."`
}

// Help is shown by --help.
func (readCmd) Help() string {
	return `Timestamps are Unix milliseconds. Numbers are written so that they read back to the very
same value. Pages are fetched as they are written: memory stays small however much there is.

Examples:
  sensocto read 100 MLII > mlii.csv
  sensocto read 100 MLII --order desc --limit 10
  sensocto read 100 MLII --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z --format json
  sensocto read 100 MLII --resolution 10s > minima-and-maxima.csv
  sensocto read 100 MLII --resolution auto --max-buckets 500 --method lttb`
}

// pageLimit is the largest page that the API gives.
const pageLimit = 50_000

// Run writes page after page.
func (c readCmd) Run(a *app) error {
	if c.Limit != nil && *c.Limit < 1 {
		return usagef("--limit: must be at least 1; without it everything is read")
	}
	query := url.Values{"order": {c.Order}}
	for name, text := range map[string]string{"from": c.From, "to": c.To} {
		if text == "" {
			continue
		}
		micros, err := parseTime(text)
		if err != nil {
			return usagef("--%s: %w", name, err)
		}
		query.Set(name, string(sensocto.AppendTimestamp(nil, micros)))
	}
	if c.Resolution != "raw" {
		return c.history(a, query)
	}
	if c.MaxBuckets != nil || c.Method != "buckets" {
		return usagef("--max-buckets and --method go with a --resolution: auto, or a width such as 10s")
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	w := newSampleWriter(out, c.Format)
	if err := c.pages(a.ctx, query, w); err != nil {
		return errors.Join(out.Flush(), err)
	}
	w.end()
	return out.Flush()
}

func (c readCmd) pages(ctx context.Context, query url.Values, w sampleWriter) error {
	left := math.MaxInt
	if c.Limit != nil {
		left = *c.Limit
	}
	for {
		query.Set("limit", strconv.Itoa(min(pageLimit, left)))
		page, err := c.page(ctx, query)
		if err != nil {
			return err
		}
		for _, s := range page.Measurements {
			if err := w.write(s); err != nil {
				return err
			}
		}
		left -= len(page.Measurements)
		if page.Next == nil || left <= 0 {
			return nil
		}
		query.Set("next", *page.Next)
	}
}

// history writes buckets, or points, as the API answers them.
func (c readCmd) history(a *app, query url.Values) error {
	if _, ok := sensocto.ParseWidth(c.Resolution); !ok && c.Resolution != "auto" {
		return usagef("--resolution: %q is neither raw, auto nor a width such as 500ms, 10s, 1h, 1d", c.Resolution)
	}
	if c.Limit != nil || c.Order != "asc" {
		return usagef("--limit and --order are for single samples: leave --resolution out")
	}
	query.Del("order")
	query.Set("resolution", c.Resolution)
	query.Set("method", c.Method)
	query.Set("format", c.Format)
	if c.MaxBuckets != nil {
		query.Set("max_buckets", strconv.Itoa(*c.MaxBuckets))
	}
	path := fmt.Sprintf("/api/v1/sensors/%s/attributes/%s/history?%s", url.PathEscape(c.Sensor), url.PathEscape(c.Attribute), query.Encode())
	return c.request(a.ctx, path, func(body io.Reader) error {
		_, err := io.Copy(a.stdout, body)
		return err
	})
}

// apiSample keeps the text of numbers as the server wrote it.
type apiSample struct {
	Timestamp json.RawMessage `json:"timestamp"`
	Payload   json.RawMessage `json:"payload"`
}

type apiPage struct {
	Measurements []apiSample `json:"measurements"`
	Next         *string     `json:"next"`
}

func (c readCmd) page(ctx context.Context, query url.Values) (page apiPage, err error) {
	path := fmt.Sprintf("/api/v1/sensors/%s/attributes/%s/measurements?%s", url.PathEscape(c.Sensor), url.PathEscape(c.Attribute), query.Encode())
	err = c.fetch(ctx, path, &page)
	return page, err
}

// fetch reads one answer of the API.
func (f remoteFlags) fetch(ctx context.Context, path string, answer any) error {
	return f.request(ctx, path, func(body io.Reader) error {
		if err := json.NewDecoder(body).Decode(answer); err != nil {
			return fmt.Errorf("read the answer of %s: %w", f.Server, err)
		}
		return nil
	})
}

// sensors fetches the descriptions of all sensors, page by page.
func (f remoteFlags) sensors(ctx context.Context) (all []json.RawMessage, err error) {
	for path := "/api/v1/sensors"; ; {
		var page struct {
			Sensors []json.RawMessage `json:"sensors"`
			Next    string            `json:"next"`
		}
		if err := f.fetch(ctx, path, &page); err != nil {
			return nil, err
		}
		if all = append(all, page.Sensors...); page.Next == "" {
			return all, nil
		}
		path = "/api/v1/sensors?after=" + url.QueryEscape(page.Next)
	}
}

// request lets read have the body of an answer of the API.
func (f remoteFlags) request(ctx context.Context, path string, read func(body io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return f.download(ctx, path, read)
}

// download is request without a bound on its time.
func (f remoteFlags) download(ctx context.Context, path string, read func(body io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base()+path, nil)
	if err != nil {
		return usagef("--server: %w", err)
	}
	req.Header.Set("Accept", "application/json, application/zip")
	if f.Token != "" {
		req.Header.Set("Authorization", "Bearer "+f.Token)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return f.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return f.apiError(resp)
	}
	return read(resp.Body)
}

// apiError turns an RFC 9457 problem into an error that says what to do.
func (f remoteFlags) apiError(resp *http.Response) error {
	var body struct {
		Detail string `json:"detail"`
		Title  string `json:"title"`
		Reason string `json:"reason"`
	}
	_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&body)
	r := &refusal{status: resp.StatusCode, reason: body.Reason}
	r.readChallenge(resp.Header.Get("WWW-Authenticate"))
	r.err = withHint(fmt.Errorf("the server answered %s: %s", resp.Status, cmp.Or(body.Detail, body.Title)), f.hint(r))
	return r
}

// sampleWriter is one of the output formats.
type sampleWriter interface {
	write(apiSample) error
	end()
}

func newSampleWriter(out *bufio.Writer, format string) sampleWriter {
	if format == "json" {
		return &jsonSamples{out: out}
	}
	fmt.Fprintln(out, "timestamp,payload") // an error shows at the next write
	return csvSamples{out}
}

// csvSamples writes the very lines that the API gives as CSV: numbers as they
// are, documents always quoted.
type csvSamples struct{ out *bufio.Writer }

func (c csvSamples) write(s apiSample) error {
	payload := string(s.Payload)
	if payload == "" || payload[0] != '-' && (payload[0] < '0' || payload[0] > '9') {
		payload = `"` + strings.ReplaceAll(payload, `"`, `""`) + `"`
	}
	_, err := fmt.Fprintf(c.out, "%s,%s\n", s.Timestamp, payload)
	return err
}

func (csvSamples) end() {}

// jsonSamples writes {"measurements":[…],"next":null}, a line for each.
type jsonSamples struct {
	out   *bufio.Writer
	begun bool
}

func (j *jsonSamples) write(s apiSample) error {
	separator := ",\n"
	if !j.begun {
		separator, j.begun = "{\"measurements\":[\n", true
	}
	_, err := fmt.Fprintf(j.out, `%s{"timestamp":%s,"payload":%s}`, separator, s.Timestamp, s.Payload)
	return err
}

func (j *jsonSamples) end() {
	if !j.begun {
		fmt.Fprint(j.out, `{"measurements":[`)
	}
	fmt.Fprint(j.out, "\n],\"next\":null}\n")
}

// parseTime reads RFC 3339 or Unix milliseconds, whole or fractional, as µs.
func parseTime(text string) (int64, error) {
	if ms, err := strconv.ParseFloat(text, 64); err == nil {
		micros, ok := sensocto.TimestampFromMS(ms)
		if !ok {
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return micros, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither RFC 3339 (2026-01-31T12:00:00Z) nor Unix milliseconds", text)
	}
	return t.Round(time.Microsecond).UnixMicro(), nil
}
