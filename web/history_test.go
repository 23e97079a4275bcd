package web_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

const historyPath = "/api/v1/sensors/s1/attributes/ecg/history"

type historyAnswer struct {
	Width, From, To float64
	Documents       int64
	Points          string
	Buckets         []struct {
		Min, Max, Mean, First, Last, From, To float64
		Count                                 int64
	}
	Measurements []item
}

func (w *world) history(t testing.TB, query string) historyAnswer {
	t.Helper()
	return decode[historyAnswer](t, w.get(t, historyPath+"?"+query).Body)
}

func TestHistory_Buckets(t *testing.T) {
	w := recorded(t) // 100 samples from 1700000000000 on, 1.5 ms apart, the 51st a document
	got := w.get(t, historyPath+"?resolution=20ms&from=1700000000040&to=1700000000080").Body.String()
	want := `{"width":20,"from":1700000000040,"to":1700000000080,"documents":1,"points":"","buckets":[` +
		`{"min":2.7,"max":3.9,"mean":3.3,"first":2.7,"last":3.9,"count":13,"from":1700000000040.5,"to":1700000000058.5},` +
		`{"min":4,"max":5.3,"mean":4.6230769230769235,"first":4,"last":5.3,"count":13,"from":1700000000060,"to":1700000000079.5}],"measurements":[]}` + "\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	all := w.history(t, "max_buckets=10")
	count := int64(0)
	for _, b := range all.Buckets {
		count += b.Count
	}
	if len(all.Buckets) > 10 || count != 99 || all.Documents != 1 || all.Width == 0 {
		t.Errorf("%+v", all)
	}
}

func TestHistory_FewAreMeasurements(t *testing.T) {
	w := recorded(t)
	if got := w.history(t, ""); got.Points != "samples" || len(got.Measurements) != 100 || got.Width != 0 || len(got.Buckets) != 0 {
		t.Errorf("%+v", got)
	}
	got := w.history(t, "method=lttb&max_buckets=20")
	if got.Points != "lttb_of_samples" || len(got.Measurements) != 20 || got.Measurements[0].Timestamp != "1700000000000" {
		t.Errorf("%+v", got)
	}
}

func TestHistory_CSV(t *testing.T) {
	w := recorded(t)
	rows, err := csv.NewReader(w.get(t, historyPath+"?format=csv&resolution=20ms").Body).ReadAll()
	if err != nil || len(rows) != 9 || strings.Join(rows[0], " ") != "start count min max mean first last from to" ||
		strings.Join(rows[4], " ") != "1700000000060 13 4 5.3 4.6230769230769235 4 5.3 1700000000060 1700000000079.5" {
		t.Errorf("%v %q", err, rows)
	}
	if got := w.get(t, historyPath+"?format=csv").Body.String(); !strings.HasPrefix(got, "timestamp,payload\n1700000000000,0\n") {
		t.Errorf("%.100s", got)
	}
}

func TestHistory_Parameters(t *testing.T) {
	w := recorded(t)
	for query, want := range map[string]int{
		"resolution=1ms":                                100,
		"resolution=1000us":                             100,
		"resolution=1d":                                 1,
		"resolution=1h&max_buckets=5":                   1,
		"max_buckets=-7&resolution=1us":                 2,
		"max_buckets=1e9&resolution=1us":                100,
		"from=5&to=4":                                   0,
		"to=0":                                          0,
		"from=1700000001000&to=1700000002000":           0,
		"from=1e300":                                    0,
		"resolution=auto&from=1700000000003":            98,
		"resolution=7ms&from=1700000000000&to=1.7e12":   0,
		"method=buckets&resolution=1s&to=1700000000003": 1,
	} {
		got := w.history(t, query)
		if n := len(got.Buckets) + len(got.Measurements); n < want-1 || n > want {
			t.Errorf("%q: %d, want %d", query, n, want)
		}
	}
	for _, query := range []string{
		"resolution=raw&next=x", "resolution=0s", "resolution=-1s", "resolution=5", "resolution=x", "resolution=1e9d", "resolution=9999999999999d",
		"max_buckets=x", "max_buckets=NaN", "method=LTTB", "method=mean", "from=x", "to=NaN", "format=xml",
	} {
		checkProblem(t, w.do(call{path: historyPath + "?" + query, token: w.viewer}), http.StatusUnprocessableEntity)
	}
	checkProblem(t, w.do(call{path: strings.Replace(historyPath, "ecg", "unknown", 1), token: w.viewer}), http.StatusNotFound)
	checkProblem(t, w.do(call{path: strings.Replace(historyPath, "s1", "s9", 1), token: w.viewer}), http.StatusNotFound)
	checkProblem(t, w.do(call{path: historyPath}), http.StatusUnauthorized)
}

// Raw pages are those of the measurements.
func TestHistory_Raw(t *testing.T) {
	w := recorded(t)
	for _, query := range []string{"limit=7", "limit=7&format=csv", "from=1700000000003", "to=1.7e12"} {
		got, want := w.get(t, historyPath+"?resolution=raw&"+query), w.get(t, strings.Replace(historyPath, "history", "measurements", 1)+"?"+query)
		if got.Body.String() != want.Body.String() || got.Body.Len() == 0 {
			t.Errorf("%s: %.200s, want %.200s", query, got.Body, want.Body)
		}
	}
	link := nextLink.FindStringSubmatch(w.get(t, historyPath+"?resolution=raw&limit=7").Header().Get("Link"))
	if link == nil || !strings.Contains(w.get(t, link[1]).Body.String(), `{"measurements":[{"timestamp":`) || !strings.Contains(link[1], "resolution=raw") {
		t.Errorf("next page: %q", link)
	}
}

// What comes in while somebody goes from page to page shifts nothing.
func TestMeasurements_PagesAreASnapshot(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	var samples []sensocto.Sample
	for i := range int64(100) {
		samples = append(samples, sensocto.Sample{Timestamp: 1_700_000_000_000_000 + i*1000, Value: float64(i)})
	}
	push(t, link, "ecg", samples...)
	got, next := "", ""
	for first := true; first || next != ""; first = false {
		p := w.page(t, "limit=7&next="+next)
		for _, m := range p.Measurements {
			got += string(m.Payload) + " "
		}
		if next = ""; p.Next != nil {
			next = *p.Next
		}
		push(t, link, "ecg", sensocto.Sample{Timestamp: 1_700_000_000_050_500, Value: -1}, sensocto.Sample{Timestamp: 1_700_000_000_200_000, Value: -2})
	}
	want := ""
	for i := range 100 {
		want += fmt.Sprint(i, " ")
	}
	if got != want {
		t.Error(got)
	}
}

// Numbers in documents have buckets of their own.
func TestHistory_FieldsOfDocuments(t *testing.T) {
	w := newWorld(t, setup{})
	l, _ := w.connect(t, "imu")
	var samples []sensocto.Sample
	for i := range 100 {
		text := fmt.Sprintf(`{"x":%d,"y":%d,"unit":"g"}`, i, -i)
		samples = append(samples, sensocto.Sample{Timestamp: int64(1_700_000_000_000+10*i) * 1000, Document: []byte(text)})
	}
	push(t, l, "acc", samples...)
	ask := func(query string) historyAnswer {
		return decode[historyAnswer](t, w.get(t, "/api/v1/sensors/imu/attributes/acc/history?"+query).Body)
	}
	got := ask("field=y&resolution=500ms")
	if len(got.Buckets) != 2 || got.Buckets[0].Min != -49 || got.Buckets[0].Max != 0 || got.Buckets[1].Last != -99 || got.Buckets[1].Count != 50 || got.Documents != 0 {
		t.Errorf("%+v", got)
	}
	if got := ask("field=x"); got.Points != "" || len(got.Buckets) != 100 { // always buckets
		t.Errorf("%+v", got)
	}
	for _, none := range []string{"unit", "z"} {
		if got := ask("field=" + none); len(got.Buckets) != 0 {
			t.Errorf("%s: %+v", none, got)
		}
	}
	for _, query := range []string{"field=x&resolution=raw", "field=" + strings.Repeat("x", 65)} {
		checkProblem(t, w.do(call{path: "/api/v1/sensors/imu/attributes/acc/history?" + query, token: w.viewer}), http.StatusUnprocessableEntity)
	}
}
