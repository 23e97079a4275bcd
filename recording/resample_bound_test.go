package recording_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// twoSamples is a series of two samples that are an hour apart, read as a store
// reads.
func twoSamples(_ context.Context, _, _ string, q sensocto.Query) (sensocto.Page, error) {
	if q.After != nil {
		return sensocto.Page{}, nil
	}
	const at = 1_767_225_600_000_000
	return sensocto.Page{Samples: []sensocto.Sample{{Timestamp: at}, {Timestamp: at + 3_600_000_000, Value: 1}}}, nil
}

// A rate that needs more space than there is is refused with the figures before
// anything is written, however little was asked for.
func TestExport_AResamplingThatDoesNotFitIsRefused(t *testing.T) {
	dir := t.TempDir()
	export := recording.Export{
		SensorID: "s", Attributes: []sensocto.Attribute{{ID: "a", Name: "a"}}, Read: twoSamples, TempDir: dir, MaxTemp: 1 << 20, Resample: 1e6,
	}
	for _, format := range []recording.Format{recording.FormatEDF, recording.FormatWFDB} {
		_, err := export.Prepare(t.Context(), format)
		if sensocto.ErrorReason(err) != "not_exportable" || !strings.Contains(err.Error(), "3.6e+09 samples") {
			t.Errorf("%s: %v", format, err)
		}
	}
	for _, rate := range []float64{1e300, 1e6 + 1, math.Inf(1), math.NaN(), -1} {
		export.Resample = rate
		if _, err := export.Prepare(t.Context(), recording.FormatEDF); sensocto.ErrorReason(err) != "not_exportable" {
			t.Errorf("%v Hz: %v", rate, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
	export.Resample, export.MaxTemp = 10, 8<<20
	file, err := export.Prepare(t.Context(), recording.FormatEDF)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := file.Write(t.Context(), &bytes.Buffer{}); err != nil {
		t.Error(err)
	}
}

// leaving is a context whose client leaves after it was asked a few times.
type leaving struct {
	context.Context
	left *int
}

var errGone = errors.New("the client has left")

func (l leaving) Err() error {
	if *l.left--; *l.left < 0 {
		return errGone
	}
	return nil
}

// An export ends with whoever asked for it, also in the middle of a resampling:
// this one would write six gigabytes.
func TestExport_AResamplingEndsWithItsClient(t *testing.T) {
	asked := 20
	export := recording.Export{
		SensorID: "s", Attributes: []sensocto.Attribute{{ID: "a", Name: "a"}}, Read: twoSamples, TempDir: t.TempDir(), MaxTemp: 1 << 40, Resample: 1e5,
	}
	if _, err := export.Prepare(leaving{t.Context(), &asked}, recording.FormatEDF); err == nil || asked >= 0 {
		t.Errorf("%v", err)
	}
}
