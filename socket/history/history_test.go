package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/history"
	"github.com/sensocto/sensocto/socket/request"
)

// store answers with as many buckets or samples as it is asked for, and keeps the
// questions.
type store struct {
	sensocto.Store
	next    *sensocto.Cursor
	queries []sensocto.HistoryQuery
	pages   []sensocto.Query
}

func (s *store) History(_ context.Context, _, _ string, q sensocto.HistoryQuery) (sensocto.History, error) {
	s.queries = append(s.queries, q)
	return sensocto.History{Width: 1000, Buckets: make([]sensocto.Bucket, q.MaxBuckets)}, nil
}

func (s *store) Read(_ context.Context, _, _ string, q sensocto.Query) (sensocto.Page, error) {
	s.pages = append(s.pages, q)
	return sensocto.Page{Samples: make([]sensocto.Sample, q.Limit), Next: s.next}, nil
}

func parse(t testing.TB, text string) *history.Request {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	p := request.Params{"attribute_id": []byte(`"a"`)}
	for key, value := range fields {
		p[key] = value
	}
	r, err := history.Parse("s", p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The next of a page asks for the page behind it.
func TestRequest_CursorGoesBackToTheStore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := sensocto.Cursor{Timestamp: rapid.Int64().Draw(rt, "timestamp"), Seq: rapid.Int64().Draw(rt, "seq"), Before: rapid.Int64Min(1).Draw(rt, "before")}
		s := &store{next: &c}
		response, err := parse(t, `{"resolution":"raw","limit":2}`).Answer(t.Context(), s, 1<<20)
		var page struct{ Next string }
		if err != nil || json.Unmarshal(response, &page) != nil {
			rt.Fatalf("%s, %v", response, err)
		}
		if _, err := parse(t, fmt.Sprintf(`{"resolution":"raw","cursor":%q}`, page.Next)).Answer(t.Context(), s, 1<<20); err != nil {
			rt.Fatal(err)
		}
		if after := s.pages[1].After; s.pages[0].After != nil || after == nil || *after != c {
			rt.Fatalf("the next page is behind %v, want %v", after, c)
		}
	})
}

func TestRequest_AsksForFewerUntilTheAnswerFits(t *testing.T) {
	s := &store{}
	response, err := parse(t, `{"resolution":"1s","max_buckets":2000}`).Answer(t.Context(), s, 10_000)
	if err != nil || len(response) > 10_000 {
		t.Errorf("%d bytes, %v", len(response), err)
	}
	for i, q := range s.queries {
		if want := 2000 >> i; q.MaxBuckets != want {
			t.Errorf("question %d is for %d buckets, want %d", i, q.MaxBuckets, want)
		}
	}
	if len(s.queries) < 3 {
		t.Errorf("%d questions", len(s.queries))
	}
	// What does not fit even so comes all the same: two buckets, or one sample.
	s = &store{}
	if _, err := parse(t, `{"resolution":"1s"}`).Answer(t.Context(), s, 1); err != nil || s.queries[len(s.queries)-1].MaxBuckets != 2 {
		t.Errorf("%+v, %v", s.queries[len(s.queries)-1], err)
	}
	s = &store{}
	if _, err := parse(t, `{"resolution":"raw"}`).Answer(t.Context(), s, 1); err != nil || s.pages[len(s.pages)-1].Limit != 1 {
		t.Errorf("%+v, %v", s.pages[len(s.pages)-1], err)
	}
}

// What is of before a time is not asked for, and not answered where it is all.
func TestRequest_Since(t *testing.T) {
	for _, c := range []struct {
		text   string
		since  time.Time
		from   int64 // that the store is asked for; -1: it is not asked
		before int64
	}{
		{`{"from":5000}`, time.Time{}, 5_000_000, 0},
		{`{"from":5000}`, time.Unix(4, 0), 5_000_000, 4_000_000},
		{`{"from":5000}`, time.Unix(6, 0), 6_000_000, 6_000_000},
		{`{}`, time.Unix(6, 0), 6_000_000, 6_000_000},
		{`{"from":5000,"to":7000}`, time.Unix(6, 0), 6_000_000, 6_000_000},
		{`{"from":5000,"to":7000}`, time.Unix(7, 0), -1, 0},
		{`{"to":7000,"resolution":"raw"}`, time.Unix(8, 0), -1, 0},
	} {
		s, r := &store{}, parse(t, c.text)
		r.Since(c.since)
		response, err := r.Answer(t.Context(), s, 1<<20)
		switch {
		case err != nil:
			t.Error(err)
		case c.from < 0:
			want := fmt.Sprintf(`{"width":0,"from":%d,"to":%[1]d,"documents":0,"points":"samples","samples":[]}`, c.since.UnixMilli())
			if len(s.queries)+len(s.pages) > 0 || string(response) != want {
				t.Errorf("%s since %v: %s, want %s", c.text, c.since, response, want)
			}
		case s.queries[0].From != c.from || s.queries[0].NotBefore != c.before:
			t.Errorf("%s since %v asks for %+v", c.text, c.since, s.queries[0])
		}
	}
}
