package recording_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// BenchmarkRecord100 reads half an hour of two leads: 1.3 million samples.
func BenchmarkRecord100(b *testing.B) {
	r := open(b, shared(b, "100.hea"))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Rewind(); err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}

// BenchmarkCSV opens and reads a table of 100,000 rows with a time and four
// numbers.
func BenchmarkCSV(b *testing.B) {
	for name, newestFirst := range map[string]bool{"in order": false, "newest first": true} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "r.csv")
			if err := os.WriteFile(path, longTable(100_000, newestFirst), 0o600); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				r, err := recording.OpenWith(path, recording.Options{BlockSpan: 30 * time.Second})
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = r.Next()
				}
				r.Close()
			}
		})
	}
}

func longTable(rows int, newestFirst bool) []byte {
	text := []byte("time,a,b,c,d\n")
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		if newestFirst {
			i = rows - 1 - i
		}
		text = start.Add(time.Duration(i)*4*time.Millisecond).AppendFormat(text, "2006-01-02T15:04:05.000Z")
		for column := range 4 {
			text = append(text, ',')
			text = strconv.AppendFloat(text, float64(i%1000*(column+1))/8, 'g', -1, 64)
		}
		text = append(text, '\n')
	}
	return text
}
