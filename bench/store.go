package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

// StoreConfig says what RunStore puts into a store, without sockets: as many
// writers as sensors, each of which puts a batch after the other and waits only
// where Window of them are not on disk yet.
type StoreConfig struct {
	Sensors  int           `json:"sensors"`
	Rate     float64       `json:"rate_hz"` // of the samples' own times; they are put at full speed
	Batch    int           `json:"batch"`
	Window   int           `json:"window"` // batches of a sensor that wait for the disk at most
	Warmup   time.Duration `json:"warmup"`
	Duration time.Duration `json:"duration"`
	Signal   string        `json:"signal"`   // what the values are, for people
	Database string        `json:"database"` // where they go, for people
	// DatabasePID is the process of a database server, whose processor time is
	// to be counted too, with that of its children; 0: there is none.
	DatabasePID int `json:"-"`
	// Signals are the values. Sensor i repeats one of them, from a place of its own.
	Signals [][]float64 `json:"-"`
}

// OpenStore is a store that runs.
type OpenStore struct {
	Store   sensocto.Store
	Metrics sensocto.MetricSource
	// Close ends it after a last flush.
	Close func() error
}

// storeAttribute is what every sensor of RunStore measures.
const storeAttribute = "ecg"

func (c StoreConfig) check() error {
	switch {
	case c.Sensors < 1 || c.Sensors > maxSensors:
		return fmt.Errorf("sensors must be 1 to %d", maxSensors)
	case c.Batch < 1 || c.Batch > 1000:
		return errors.New("batch must be 1 to 1000")
	case c.Window < 1 || c.Window > 1<<16:
		return fmt.Errorf("window must be 1 to %d batches", 1<<16)
	case c.Rate <= 0 || c.Rate > 1e6:
		return errors.New("rate must be above 0 and at most a million Hz")
	case c.Duration <= 0 || c.Warmup < 0:
		return errors.New("duration must be positive, warmup not negative")
	case len(c.Signals) == 0:
		return errors.New("there is no signal")
	}
	return nil
}

// RunStore measures what a store takes and keeps durably, for as long as told.
// Samples count once Durable has confirmed them. At the end the store is closed
// and opened again, and everything in it is read and compared. open is called
// twice.
func RunStore(ctx context.Context, cfg StoreConfig, open func(context.Context) (OpenStore, error)) (StoreResult, error) {
	if err := cfg.check(); err != nil {
		return StoreResult{}, err
	}
	opened, err := open(ctx)
	if err != nil {
		return StoreResult{}, err
	}
	load := newStoreLoad(cfg, opened)
	result, err := load.run(ctx)
	began := time.Now()
	if err = errors.Join(err, opened.Close()); err != nil {
		return result, err
	}
	result.CloseSeconds = time.Since(began).Seconds()
	if opened, err = open(ctx); err != nil {
		return result, err
	}
	began = time.Now()
	err = load.verify(ctx, opened.Store, &result)
	result.VerifySeconds = time.Since(began).Seconds()
	return result, errors.Join(err, opened.Close())
}
