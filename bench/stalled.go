package bench

import (
	"context"
	"fmt"
	"slices"
)

// connectStalled adds viewers that join every sensor and then stop reading.
func (d *driver) connectStalled(ctx context.Context) error {
	fds, err := d.target.dialAll(ctx, d.cfg.Stalled, true)
	if err != nil {
		return fmt.Errorf("connect stalled viewers: %w", err)
	}
	every := make([]int, d.cfg.Sensors)
	for i := range every {
		every[i] = i
	}
	for i, fd := range fds {
		v, err := d.newViewer(fd, fmt.Sprintf("stalled viewer %d", i))
		if err != nil {
			closeAll(fds[i+1:])
			return err
		}
		v.silent = true
		d.stalled = append(d.stalled, v)
		v.join(every)
	}
	if err := d.joined(ctx, "join stalled viewers"); err != nil {
		return err
	}
	for _, v := range d.stalled {
		if err := d.poll.set(v.conn.fd, false, false, false); err != nil {
			return err
		}
	}
	return nil
}

// resumeStalled lets them read again: what they missed has to be accounted
// for to the sample.
func (d *driver) resumeStalled(ctx context.Context) error {
	if len(d.stalled) == 0 {
		return nil
	}
	for _, v := range d.stalled {
		if err := d.poll.set(v.conn.fd, false, true, false); err != nil {
			return err
		}
	}
	return d.stepUntil(ctx, "wait for the stalled viewers to catch up",
		func() bool { return !slices.ContainsFunc(d.stalled, (*viewer).behind) },
		func() int64 { return d.delivered })
}
