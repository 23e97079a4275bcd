package attention

import "github.com/sensocto/sensocto"

// Metrics implements sensocto.MetricSource.
func (t *Tracker) Metrics(emit func(sensocto.Metric)) {
	var sensors, viewers, listeners levels
	var paused, held int
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, e := range s.sensors {
			sensors[e.level]++
			for l := range viewers {
				viewers[l] += e.count[l]
				listeners[l] += e.listening[l]
			}
			if e.level > e.wanted() {
				held++
			}
			if len(e.watchers) > 0 && e.config().Paused {
				paused++
			}
		}
		s.mu.Unlock()
	}
	gauge := func(name, help string, v float64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Labels: labels, Value: v})
	}
	for l := range sensors {
		level := sensocto.AttentionLevel(l).String()
		gauge("attention_sensors", "Sensors that somebody looks at or whose device is connected, by attention level.", float64(sensors[l]), "level", level)
		gauge("attention_viewers", "Viewers of sensors, by the level that counts for each; one viewer counts once for each of its sensors.", float64(viewers[l]), "level", level)
		gauge("attention_listeners", "Listeners inside the server, by the level they ask for.", float64(listeners[l]), "level", level)
	}
	gauge("attention_held", "Sensors whose level is held a moment longer than somebody looks.", float64(held))
	gauge("attention_paused", "Devices asked to pause because memory is critical.", float64(paused))
	counter := func(name, help string, v uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Labels: labels, Value: float64(v)})
	}
	const changes = "Changes of a sensor's attention level, by direction."
	counter("attention_changes_total", changes, t.raised.Load(), "direction", "up")
	counter("attention_changes_total", changes, t.lowered.Load(), "direction", "down")
	counter("attention_load_changes_total", "Changes of the load that devices are told of.", t.loads.Load())
	counter("attention_configs_total", "Backpressure configurations announced to devices.", t.configs.Load())
}
