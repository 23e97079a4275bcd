package socket

import (
	"strconv"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// configDelay is how long after the join reply the first backpressure_config
// follows: some clients attach their handler only after the reply.
const configDelay = 20 * time.Millisecond

// configurer sends a device its configuration: a moment after the join, and at
// every change.
type configurer struct {
	ch       *channel
	sensorID string
	timer    *time.Timer

	mu      sync.Mutex // guards what follows
	stopped bool
	unwatch func()
}

func newConfigurer(ch *channel, sensorID string) *configurer {
	c := &configurer{ch: ch, sensorID: sensorID}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(configDelay, c.watch)
	return c
}

func (c *configurer) watch() {
	defer c.ch.conn.Contain("config")
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stopped {
		c.unwatch = c.ch.conn.srv.attention.Watch(c.sensorID, c.send)
	}
}

func (c *configurer) send(b sensocto.Backpressure) {
	c.ch.conn.setUrgent(c.ch, b.AttentionLevel > sensocto.AttentionLow)
	c.ch.Push("backpressure_config", backpressurePayload(b, time.Now()))
}

func (c *configurer) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.timer.Stop()
	if c.unwatch != nil {
		c.unwatch()
		c.unwatch = nil
	}
}

// backpressurePayload has no key system_load: clients disagree on its type.
func backpressurePayload(b sensocto.Backpressure, now time.Time) []byte {
	dst := jsonscan.AppendString([]byte(`{"attention_level":`), b.AttentionLevel.String())
	dst = strconv.AppendInt(append(dst, `,"recommended_batch_window":`...), int64(b.BatchWindowMS), 10)
	dst = strconv.AppendInt(append(dst, `,"recommended_batch_size":`...), int64(b.BatchSize), 10)
	dst = strconv.AppendBool(append(dst, `,"paused":`...), b.Paused)
	dst = jsonscan.AppendString(append(dst, `,"load_level":`...), string(b.LoadLevel))
	dst = strconv.AppendInt(append(dst, `,"timestamp":`...), now.UnixMilli(), 10)
	return append(dst, '}')
}
