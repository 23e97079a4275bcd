package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// runIdle measures what joined viewers cost that get nothing: the server's
// memory before they come and after the duration. At the end one batch is
// sent, to prove that each of them was there.
func (d *driver) runIdle(ctx context.Context) (Result, error) {
	if err := d.connectDevices(ctx); err != nil {
		return Result{}, err
	}
	if err := d.rest(ctx, d.cfg.Warmup); err != nil {
		return Result{}, err
	}
	before, memoryBefore, err := d.idleMark(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := d.connectViewers(ctx, d.cfg.Viewers); err != nil {
		return Result{}, err
	}
	if err := d.rest(ctx, d.cfg.Duration); err != nil {
		return Result{}, err
	}
	after, memoryAfter, err := d.idleMark(ctx)
	if err != nil {
		return Result{}, err
	}
	d.measuring = true
	for _, dev := range d.devices {
		dev.burst()
	}
	if err := errors.Join(d.settle(ctx), d.drain(ctx)); err != nil && ctx.Err() == nil {
		d.faults.note("%v", err)
	}
	r := d.result(before, after)
	viewers := float64(max(d.cfg.Viewers, 1)) * 1024
	r.Idle = &IdleResult{
		RSSKiB:   float64(after.server.rss-before.server.rss) / viewers,
		HeapKiB:  (memoryAfter.heap - memoryBefore.heap) / viewers,
		StackKiB: (memoryAfter.stack - memoryBefore.stack) / viewers,
	}
	return r, ctx.Err()
}

// rest lets time pass, answering whatever the server wants.
func (d *driver) rest(ctx context.Context, t time.Duration) error {
	for end := d.now() + t; d.now() < end; d.heartbeat() {
		if err := errors.Join(ctx.Err(), d.step(min(end-d.now(), 50*time.Millisecond))); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) idleMark(ctx context.Context) (mark, goMemory, error) {
	if d.target.Profiles != "" {
		d.target.collect(ctx)
		if err := d.rest(ctx, time.Second); err != nil {
			return mark{}, goMemory{}, err
		}
	}
	memory := d.target.memory(ctx)
	m, err := d.mark()
	return m, memory, err
}

// goMemory is what the server's own metrics say, in bytes; zero where it does
// not say anything.
type goMemory struct{ heap, stack float64 }

// collect asks the server to collect its garbage, which it does where its
// profiles are served; elsewhere the figure includes garbage.
func (t Target) collect(ctx context.Context) {
	for range 2 {
		_, _ = t.get(ctx, t.Profiles+"/debug/pprof/heap?gc=1")
	}
}

// memory reads the standard metrics of Go programs.
func (t Target) memory(ctx context.Context) goMemory {
	m := t.metrics(ctx)
	return goMemory{heap: m["go_memstats_heap_inuse_bytes"], stack: m["go_memstats_stack_inuse_bytes"]}
}

// metrics returns what the server's own metrics say, those of a name added up;
// nothing where it has none.
func (t Target) metrics(ctx context.Context) map[string]float64 {
	base := strings.TrimRight(strings.Replace(t.URL, "ws://", "http://", 1), "/")
	body, _ := t.get(ctx, base+"/metrics")
	all := make(map[string]float64)
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		name, _, _ := strings.Cut(line[:at], "{")
		v, _ := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64) // 0 where it is none
		all[name] += v
	}
	return all
}

// refused is how many measurements the server says it has not taken: devices
// that wait for no answer do not hear of it.
func (t Target) refused(ctx context.Context) int64 {
	m := t.metrics(ctx)
	return int64(m["sensocto_sensor_measurements_refused_total"] + m["sensocto_socket_measurements_refused_total"])
}

// get fetches a page of the server; with the error that says that it is none
// comes what the server said.
func (t Target) get(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+t.Token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return body, fmt.Errorf("GET %s: %s", address, response.Status)
	}
	return body, err
}
