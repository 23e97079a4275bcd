package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/sensocto/sensocto"
)

// overdueAfter is how long ago samples should have been removed to count as
// overdue. A server that runs removes them within minutes, so much that is
// overdue means that the clock is wrong, that the rules have changed, or that
// the server was off for long.
const overdueAfter = 24 * time.Hour

// Held says why nothing is removed, and what to do; "" while retention works.
func (r *Retainer) Held() string {
	if why := r.held.Load(); why != nil {
		return *why
	}
	return ""
}

// sweepIfSafe sweeps unless the clock is suspected or too much would go.
func (r *Retainer) sweepIfSafe(ctx context.Context) error {
	ahead, remaining, err := r.clock.check(r.store.Newest)
	if err != nil {
		return err
	}
	now := r.options.Wall()
	if ahead > 0 {
		r.hold("clock", fmt.Sprintf("retention is held: the clock is %s ahead of the last time seen; it is trusted after %v more of uptime; "+
			"set it right, or run sensocto retention --apply", sensocto.FormatAge(ahead.Round(time.Hour)), remaining.Round(time.Minute)))
		return nil
	}
	raw, rollups, err := r.overdue(ctx, now)
	if err != nil {
		return err
	}
	if most := max(raw, rollups); most > r.options.Share {
		r.hold("share", fmt.Sprintf("retention is held: it would remove %.0f %% of what is stored, more than %.0f %% at once; "+
			"see sensocto retention --dry-run, then run sensocto retention --apply, or correct the clock or the rules", 100*most, 100*r.options.Share))
		return nil
	}
	r.release()
	_, err = r.Sweep(ctx, now)
	return err
}

// overdue returns the shares of all samples and of all rollups that should have
// been removed long ago.
func (r *Retainer) overdue(ctx context.Context, now time.Time) (raw, rollups float64, err error) {
	var sum surveyed
	err = r.each(ctx, now, func(_ *series, _ *sensocto.Aged, found surveyed) error {
		addDropped(&sum.raw, found.raw)
		addDropped(&sum.rollups, found.rollups)
		return nil
	})
	m := &r.store.metrics
	return share(sum.raw.Samples, m.coldSamples.Load()), share(sum.rollups.Bytes, m.rollupBytes.Load()), err
}

func share(part, all int64) float64 {
	if part == 0 {
		return 0
	}
	return float64(part) / float64(max(all, part))
}

// hold notes that nothing is removed, and logs when that begins.
func (r *Retainer) hold(reason, why string) {
	r.holds.Add(1)
	if r.held.Swap(&why) == nil {
		r.options.Log.Warn(why, "reason", reason)
	}
}

func (r *Retainer) release() {
	if r.held.Swap(nil) != nil {
		r.options.Log.Info("retention removes again what is too old")
	}
}

// Apply is Sweep at the present time for who was told to, whatever holds Run.
func (r *Retainer) Apply(ctx context.Context) ([]sensocto.Aged, error) {
	list, err := r.Sweep(ctx, r.options.Wall())
	if err == nil {
		r.clock.trust()
		r.release()
	}
	return list, err
}

// Newest returns the time of the newest sample in the cold tier, zero where
// there is none.
func (s *Store) Newest() time.Time {
	newest := int64(math.MinInt64)
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			if r.chunks > 0 {
				newest = max(newest, r.past.to, r.deep.to)
			}
			if r.next > r.head {
				newest = max(newest, r.at(r.next-1).time)
			}
		}
		n.mu.Unlock()
	}
	if newest == math.MinInt64 {
		return time.Time{}
	}
	return time.UnixMicro(newest)
}
