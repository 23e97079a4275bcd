package recording_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/recording"
)

// Two signals, of which the second segment lacks one and has the other with
// another gain, after a pause.
func variableLayout() []string {
	return []string{
		"r.hea", "r/4 2 250 10 10:00:00 1/2/2003\nr_layout 0\nr_1 4\n~ 3\nr_2 3\n",
		"r_layout.hea", "r_layout 2 250 0\n~ 0 200/mV 12 0 0 0 0 II\n~ 0 10/mmHg 12 0 0 0 0 ABP\n",
		"r_1.hea", "r_1 2 250 4\nr_1.dat 16 200/mV 12 0 0 10 0 II\nr_1.dat 16 10/mmHg 12 0 0 100 0 ABP\n",
		"r_1.dat", "\x01\x00\x0a\x00\x02\x00\x14\x00\x03\x00\x1e\x00\x04\x00\x28\x00",
		"r_2.hea", "r_2 1 250 3\nr_2.dat 16 20/mmHg 12 0 0 -32738 0 ABP\n",
		"r_2.dat", "\x0a\x00\x14\x00\x00\x80",
		"r.atr", "\x08\x04\x00\x00",
	}
}

func TestWFDB_SegmentsOfVariableLayout(t *testing.T) {
	r, err := recording.OpenWith(write(t, variableLayout()...), recording.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		all, _ := readAll(t, r)
		if !slices.Equal(all[0].Value, []float64{0.005, 0.01, 0.015, 0.02}) || !slices.Equal(all[0].Offset, []int64{0, 4000, 8000, 12000}) {
			t.Errorf("II: %+v", all[0])
		}
		if !slices.Equal(all[1].Value, []float64{1, 2, 3, 4, 0.5, 1}) || !slices.Equal(all[1].Offset, []int64{0, 4000, 8000, 12000, 28000, 32000}) {
			t.Errorf("ABP: %+v", all[1])
		}
		if err := r.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Name != "r" || len(r.Signals) != 2 || r.Signals[1].Count != 7 || r.Last != 36000 || r.Duration.Milliseconds() != 40 || len(r.Annotations) != 1 {
		t.Errorf("%+v", r)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
}

func TestWFDB_SegmentsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"another rate":     {"r_2 1 250 3", "r_2 1 500 3", "500 Hz"},
		"another length":   {"r_2 3", "r_2 2", "has 3 samples"},
		"unknown signal":   {"-32738 0 ABP", "-32738 0 PAP", "PAP"},
		"more in a frame":  {"~ 0 10/mmHg", "~ 0x2 10/mmHg", "2 in an earlier segment"},
		"signals missing":  {"r/4 2", "r/4 3", "3 signals announced"},
		"same signal":      {"100 0 ABP", "100 0 II", "there less often"},
		"missing its file": {"r_2.dat 16 20", "r_3.dat 16 20", "r_3.dat"},
	} {
		t.Run(name, func(t *testing.T) {
			files := variableLayout()
			for i := range files {
				files[i] = strings.Replace(files[i], c.old, c.new, 1)
			}
			r, err := recording.Open(write(t, files...))
			if err == nil {
				r.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
}
