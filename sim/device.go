package sim

import (
	"fmt"
	"math"
)

// Options describe a simulated sensor. The zero value works.
type Options struct {
	Scenario string // one of Scenarios; default DefaultScenario
	Seed     uint64
	// Rate is the sampling rate of the ECG in Hz, default 512. The rates of
	// the other signals are part of the scenario.
	Rate float64
	// HeartRate is the mean heart rate in beats a minute. By default it is
	// drawn from 55 to 85 by the seed.
	HeartRate float64
	// Noise is the standard deviation of white noise on the ECG, in mV.
	Noise float64
	// Float32 rounds numeric values to what a 32-bit float holds, which is
	// what many devices send, and shorter as text.
	Float32 bool
}

// Device is one simulated sensor.
type Device struct {
	Signals []*Signal
}

// Signal is one attribute of a device: an endless series of samples.
type Signal struct {
	ID   string // attribute id
	Name string
	Type string // attribute type, for example "ecg"
	Unit string
	Rate float64 // samples per second

	index    int64
	number   func() float64 // one of the two is set
	document func(dst []byte) []byte
	float32  bool
}

// New builds the device of a scenario.
func New(o Options) (*Device, error) {
	if o.Scenario == "" {
		o.Scenario = DefaultScenario
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s, ok := scenarioByName(o.Scenario)
	if !ok {
		return nil, fmt.Errorf("unknown scenario %q: use one of %v", o.Scenario, Scenarios())
	}
	body := newBody(o)
	d := &Device{}
	for _, build := range s.signals {
		signal := build(body)
		signal.float32 = o.Float32
		d.Signals = append(d.Signals, signal)
	}
	return d, nil
}

func (o Options) check() error {
	switch {
	case !(o.Rate >= 1 && o.Rate <= 100_000):
		return fmt.Errorf("rate %v Hz: must be from 1 to 100000", o.Rate)
	case o.HeartRate != 0 && !(o.HeartRate >= 20 && o.HeartRate <= 250):
		return fmt.Errorf("heart rate %v: must be from 20 to 250 beats a minute", o.HeartRate)
	case !(o.Noise >= 0 && o.Noise <= 10):
		return fmt.Errorf("noise %v mV: must be from 0 to 10", o.Noise)
	}
	return nil
}

// Index returns the number of the sample that Next returns next.
func (s *Signal) Index() int64 { return s.index }

// Offset returns where sample i lies, in µs after the start.
func (s *Signal) Offset(i int64) int64 { return int64(math.Round(float64(i) * 1e6 / s.Rate)) }

// IsDocument reports whether the samples are JSON documents, not numbers.
func (s *Signal) IsDocument() bool { return s.document != nil }

// Next returns the following sample: a finite number, or a new JSON object
// where IsDocument.
func (s *Signal) Next() (value float64, document []byte) {
	s.index++
	if s.document != nil {
		return 0, s.document(nil)
	}
	return s.round(s.number()), nil
}

// Fill writes the following samples of a numeric signal into dst.
func (s *Signal) Fill(dst []float64) {
	s.index += int64(len(dst))
	for i := range dst {
		dst[i] = s.round(s.number())
	}
}

func (s *Signal) round(v float64) float64 {
	if s.float32 {
		return float64(float32(v))
	}
	return v
}

// Sample is one value that became due.
type Sample struct {
	Signal   *Signal
	Index    int64
	Offset   int64 // µs after the start
	Value    float64
	Document []byte // nil for numbers
}

// Advance calls emit for every sample before the offset to (µs) that has not
// been generated yet: signal by signal, each in time order.
func (d *Device) Advance(to int64, emit func(Sample)) {
	for _, s := range d.Signals {
		for at := s.Offset(s.index); at < to; at = s.Offset(s.index) {
			sample := Sample{Signal: s, Index: s.index, Offset: at}
			sample.Value, sample.Document = s.Next()
			emit(sample)
		}
	}
}
