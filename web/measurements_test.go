package web_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
)

const measurementsPath = "/api/v1/sensors/s1/attributes/ecg/measurements"

type item struct {
	Timestamp json.Number
	Payload   json.RawMessage
}

type page struct {
	Measurements []item
	Next         *string
}

func (w *world) page(t testing.TB, query string) page {
	t.Helper()
	return decode[page](t, w.get(t, measurementsPath+"?"+query).Body)
}

// recorded has 100 samples 1.5 ms apart, with a document in between.
func recorded(t testing.TB) *world {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	var samples []sensocto.Sample
	for i := range int64(100) {
		samples = append(samples, sensocto.Sample{Timestamp: 1_700_000_000_000_000 + i*1500, Value: float64(i) / 10})
	}
	samples[50] = sensocto.Sample{Timestamp: samples[50].Timestamp, Document: []byte(`{"lead": "off, \"again\""}`)}
	push(t, link, "ecg", samples...)
	return w
}

func TestMeasurements_JSON(t *testing.T) {
	w := recorded(t)
	got := w.get(t, measurementsPath+"?limit=2").Body.String()
	if want := `{"measurements":[{"timestamp":1700000000000,"payload":0},{"timestamp":1700000000001.5,"payload":0.1}],"next":"`; !strings.HasPrefix(got, want) {
		t.Error(got)
	}
	got = w.get(t, measurementsPath+"?from=1700000000075&to=1700000000076.5").Body.String()
	if want := `{"measurements":[{"timestamp":1700000000075,"payload":{"lead": "off, \"again\""}}],"next":null}` + "\n"; got != want {
		t.Error(got)
	}
}

func TestMeasurements_Parameters(t *testing.T) {
	w := recorded(t)
	for query, want := range map[string]int{
		"":                            100,
		"limit=7":                     7,
		"limit=7.9":                   7,
		"limit=1e1":                   10,
		"limit=0":                     1,
		"limit=-5":                    1,
		"limit=50001":                 100,
		"limit=99999999999999999999":  100,
		"limit=1e999":                 100,
		"limit=-1e999":                1,
		"from=1700000000003":          98,
		"from=1700000000003.000":      98,
		"from=1700000000003.001":      97,
		"to=1700000000003":            2,
		"to=1700000000003.001":        3,
		"from=1700000000003&to=":      98,
		"from=5&to=4":                 0,
		"from=1700000000003&to=0":     0,
		"to=0":                        0,
		"to=-1":                       0,
		"from=-1e300":                 100,
		"from=1e300":                  0,
		"from=1e999":                  0,
		"to=1e300":                    100,
		"to=1e999":                    100,
		"from=1e999&to=1e999":         0,
		"order=desc":                  100,
		"from=1700000000000&to=17e11": 0,
	} {
		if n := len(w.page(t, query).Measurements); n != want {
			t.Errorf("%q: %d, want %d", query, n, want)
		}
	}
	if newest := w.page(t, "order=desc&limit=1").Measurements[0].Timestamp; newest != "1700000000148.5" {
		t.Errorf("newest %s", newest)
	}
}

func TestMeasurements_BadParameters(t *testing.T) {
	w := recorded(t)
	next := *w.page(t, "limit=1").Next
	for _, query := range []string{
		"limit=x", "limit=NaN", "limit=Inf", "limit=0x10", "limit=1_000", "limit=--1", "limit=1e", "limit=%00", "limit=" + strings.Repeat("9", 5000) + "x",
		"from=x", "from=NaN", "from=infinity", "from=2024-01-01", "from=0x1p3", "to=x", "to=%20",
		"order=up", "order=ASC", "format=xml", "format=CSV",
		"next=x", "next=" + next + "A", "next=" + next[1:], "next=" + strings.ToUpper(next), "next=" + strings.Repeat("A", len(next)), "order=desc&next=" + next, "next=" + url.QueryEscape(next+"\n"),
	} {
		checkProblem(t, w.do(call{path: measurementsPath + "?" + query, token: w.viewer}), http.StatusUnprocessableEntity)
	}
	link, _ := w.connect(t, "s2")
	push(t, link, "ecg", sensocto.Sample{Timestamp: sensocto.MinTimestamp})
	other := strings.Replace(measurementsPath, "s1", "s2", 1)
	checkProblem(t, w.do(call{path: other + "?next=" + next, token: w.viewer}), http.StatusUnprocessableEntity)
	checkProblem(t, w.do(call{path: strings.Replace(measurementsPath, "ecg", "unknown", 1), token: w.viewer}), http.StatusNotFound)
}

func TestMeasurements_AttributeWithoutData(t *testing.T) {
	w := newWorld(t, setup{})
	w.connect(t, "s1")
	if got := w.get(t, measurementsPath).Body.String(); got != `{"measurements":[],"next":null}`+"\n" {
		t.Error(got)
	}
	if got := w.get(t, measurementsPath+"?format=csv").Body.String(); got != "timestamp,payload\n" {
		t.Error(got)
	}
}

func TestMeasurements_CSV(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	values := []sensocto.Sample{
		{Value: 1}, {Value: -0.1}, {Value: 1e-7}, {Value: 1e21}, {Value: math.MaxFloat64}, {Value: math.SmallestNonzeroFloat64}, {Value: math.Copysign(0, -1)},
		{Document: []byte(`"1"`)}, {Document: []byte(`"a,b\n\"c\""`)}, {Document: []byte("{\n\"x\": [1, 2]}")}, {Document: []byte("null")}, {Document: []byte("true")}, {Document: []byte(`"=1+1"`)},
	}
	for i := range values {
		values[i].Timestamp = 1_700_000_000_000_000 + int64(i)*1001
	}
	push(t, link, "ecg", values...)
	for name, c := range map[string]call{
		"format":               {path: "?format=csv"},
		"accept":               {header: map[string]string{"Accept": "text/csv"}},
		"accept, preferred":    {header: map[string]string{"Accept": "application/json;q=0.5, text/csv"}},
		"format before accept": {path: "?format=csv", header: map[string]string{"Accept": "application/json"}},
	} {
		c.path, c.token = measurementsPath+c.path, w.viewer
		answer := w.do(c)
		if ct := answer.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/csv") {
			t.Fatalf("%s: %s", name, ct)
		}
		rows, err := csv.NewReader(answer.Body).ReadAll()
		if err != nil || len(rows) != len(values)+1 || rows[0][0] != "timestamp" || rows[0][1] != "payload" {
			t.Fatalf("%s: %v %q", name, err, rows)
		}
		for i, m := range w.page(t, "").Measurements {
			if rows[i+1][0] != string(m.Timestamp) || rows[i+1][1] != string(m.Payload) {
				t.Errorf("CSV %q, JSON %s %s", rows[i+1], m.Timestamp, m.Payload)
			}
		}
	}
	for _, accept := range []string{"", "*/*", "application/json", "text/html", "text/csv;q=0.1, application/json"} {
		answer := w.do(call{path: measurementsPath, token: w.viewer, header: map[string]string{"Accept": accept}})
		if ct := answer.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("%q: %s", accept, ct)
		}
	}
	bare := w.get(t, measurementsPath+"?format=csv&limit=1").Body.String()
	if bare != "timestamp,payload\n1700000000000,1\n" {
		t.Errorf("%q", bare)
	}
}

func TestMeasurements_NumbersKeepTheirBits(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	at := int64(1_700_000_000_000_000)
	rapid.Check(t, func(rt *rapid.T) {
		at += 1000
		v := rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(rt, "v")
		push(t, link, "ecg", sensocto.Sample{Timestamp: at, Value: v})
		got := w.page(t, fmt.Sprintf("from=%d", at/1000)).Measurements[0]
		back, err := strconv.ParseFloat(string(got.Payload), 64)
		if err != nil || math.Float64bits(back) != math.Float64bits(v) {
			rt.Fatalf("%v became %s", v, got.Payload)
		}
	})
}

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// Whatever the size of the pages, the order and the format: put together they
// are the whole, each sample once.
func TestMeasurements_PagesAreTheWhole(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	var samples []sensocto.Sample
	for i := range 100 { // out of order, and up to ten at the same time
		samples = append(samples, sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(i*7919%10)*1001, Value: float64(i)})
	}
	push(t, link, "ecg", samples...)
	rapid.Check(t, func(rt *rapid.T) {
		bounds := url.Values{"order": {rapid.SampledFrom([]string{"asc", "desc"}).Draw(rt, "order")}}
		if rapid.Bool().Draw(rt, "bounded") {
			bounds.Set("from", fmt.Sprint(1_700_000_000_000+rapid.IntRange(0, 10).Draw(rt, "from")))
			bounds.Set("to", fmt.Sprint(1_700_000_000_000+rapid.IntRange(0, 14).Draw(rt, "to")))
		}
		whole := w.page(t, bounds.Encode())
		if whole.Next != nil {
			rt.Fatal("the whole has a next")
		}
		limit := rapid.IntRange(1, 105).Draw(rt, "limit")
		bounds.Set("limit", fmt.Sprint(limit))
		var pieces, lines []string
		for next, first := "", true; first || next != ""; first = false {
			p := w.page(t, bounds.Encode()+"&next="+next)
			for _, m := range p.Measurements {
				pieces = append(pieces, string(m.Timestamp)+","+string(m.Payload))
			}
			if next = ""; p.Next != nil {
				if next = *p.Next; len(p.Measurements) != limit || url.QueryEscape(next) != next {
					rt.Fatalf("page of %d, next %q", len(p.Measurements), next)
				}
			}
		}
		for address := measurementsPath + "?format=csv&" + bounds.Encode(); address != ""; {
			answer := w.get(t, address)
			rows := strings.Split(strings.TrimSuffix(answer.Body.String(), "\n"), "\n")
			lines = append(lines, rows[1:]...)
			address = ""
			if m := nextLink.FindStringSubmatch(answer.Header().Get("Link")); m != nil {
				address = m[1]
			}
		}
		var want []string
		for _, m := range whole.Measurements {
			want = append(want, string(m.Timestamp)+","+string(m.Payload))
		}
		if strings.Join(pieces, "\n") != strings.Join(want, "\n") || strings.Join(lines, "\n") != strings.Join(want, "\n") {
			rt.Fatalf("JSON %q\nCSV %q\nwant %q", pieces, lines, want)
		}
	})
}

func TestMeasurements_LinkKeepsTheToken(t *testing.T) {
	w := recorded(t)
	answer := w.do(call{path: measurementsPath + "?limit=1&token=" + w.viewer})
	if link := answer.Header().Get("Link"); strings.Contains(link, "sno_") || !nextLink.MatchString(link) {
		t.Error(link)
	}
}

func TestMeasurements_Head(t *testing.T) {
	w := recorded(t)
	answer := w.do(call{method: "HEAD", path: measurementsPath + "?limit=1", token: w.viewer})
	if answer.Code != http.StatusOK || answer.Body.Len() > 0 || answer.Header().Get("Link") == "" {
		t.Errorf("%d %d bytes, %v", answer.Code, answer.Body.Len(), answer.Header())
	}
}

func TestMeasurements_ManyAndLarge(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	document := []byte(`"` + strings.Repeat("x", 60<<10) + `"`)
	for i := range int64(50) {
		push(t, link, "ecg", sensocto.Sample{Timestamp: 1_700_000_000_000_000 + i, Document: document}, sensocto.Sample{Timestamp: 1_700_000_000_000_000 + i, Value: 1})
	}
	if p := w.page(t, ""); len(p.Measurements) != 100 || len(p.Measurements[98].Payload) != len(document) {
		t.Errorf("%d", len(p.Measurements))
	}
}

// FuzzNext feeds cursors and bounds that nobody made: a problem, or a page.
func FuzzNext(f *testing.F) {
	w := recorded(f)
	f.Add(*w.page(f, "limit=1").Next, "1", "2", "3")
	f.Add("AgAAAAAAAAAAAAAAAAAAAAAAAAAA", "1e5", "-1", ".5")
	f.Fuzz(func(t *testing.T, next, limit, from, to string) {
		query := url.Values{"next": {next}, "limit": {limit}, "from": {from}, "to": {to}}
		answer := w.do(call{path: measurementsPath + "?" + query.Encode(), token: w.viewer})
		switch answer.Code {
		case http.StatusOK:
			decode[page](t, answer.Body)
		case http.StatusUnprocessableEntity:
			checkProblem(t, answer, answer.Code)
		default:
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	})
}

// counter takes an answer and keeps nothing of it.
type counter struct {
	header http.Header
	bytes  int64
}

func (c *counter) Header() http.Header         { return c.header }
func (c *counter) Write(p []byte) (int, error) { c.bytes += int64(len(p)); return len(p), nil }
func (c *counter) WriteHeader(int)             {}

func BenchmarkMeasurements(b *testing.B) {
	w := newWorld(b, setup{})
	link, _ := w.connect(b, "s1")
	samples := make([]sensocto.Sample, 0, 1000)
	for i := range int64(50_000) {
		samples = append(samples, sensocto.Sample{Timestamp: 1_700_000_000_000_000 + i*1953, Value: float64(i%2048-1024) / 200})
		if len(samples) == cap(samples) {
			push(b, link, "ecg", samples...)
			samples = samples[:0]
		}
	}
	for _, format := range []string{"json", "csv"} {
		b.Run(format, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, measurementsPath+"?limit=50000&format="+format, nil)
			r.Header.Set("Authorization", "Bearer "+w.viewer)
			b.ReportAllocs()
			for b.Loop() {
				answer := &counter{header: http.Header{}}
				w.ServeHTTP(answer, r)
				b.SetBytes(answer.bytes)
			}
		})
	}
}
