package p2p

import "github.com/sensocto/sensocto"

// LiveMetrics returns the metrics of sensors that are seen from server to server; nil
// where they are only named.
func (s *RoomSync) LiveMetrics() sensocto.MetricSource {
	if s.live == nil {
		return nil
	}
	return s.live
}

// Metrics implements sensocto.MetricSource.
func (l *live) Metrics(emit func(sensocto.Metric)) {
	gauge := func(name, help string, v float64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v})
	}
	counter := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v)})
	}
	l.mu.Lock()
	shown, known, connected := len(l.served), len(l.remotes), 0
	for _, r := range l.remotes {
		r.mu.Lock()
		if r.connected {
			connected++
		}
		r.mu.Unlock()
	}
	l.mu.Unlock()
	gauge("p2p_sensors_shown", "Streams on which another server sees a sensor of this one.", float64(shown))
	gauge("p2p_sensors_known", "Sensors of other servers in rooms of this one.", float64(known))
	gauge("p2p_sensors_watched", "Sensors of other servers whose server is connected, since somebody looks or reads.", float64(connected))
	counter("p2p_samples_sent_total", "Samples of sensors of this server that were sent to other servers.", l.count.sent.Load())
	counter("p2p_samples_received_total", "Samples of sensors of other servers that arrived.", l.count.received.Load())
	counter("p2p_samples_lost_total", "Samples that a stream could not be given any more, since they had left the memory of the sensor's server; both servers count them.", l.count.lost.Load())
	counter("p2p_streams_lagged_total", "Times that the queue of a stream was full and dropped; what it had is read from memory later.", l.count.lagged.Load())
	counter("p2p_documents_cut_total", "Reads from memory for a stream that catches up that were cut short, as documents are large; the rest is read next.", l.count.cut.Load())
	gauge("p2p_documents_queued_bytes", "Documents that wait for streams to other servers.", float64(l.documents.Load()))
	counter("p2p_streams_refused_total", "Streams that were opened without a right to the sensor, or without a word.", l.count.refused.Load())
	counter("p2p_streams_revoked_total", "Streams that ended since the right to the sensor did, or begins later now.", l.count.revoked.Load())
	counter("p2p_streams_malformed_total", "Streams that ended since the other side sent what is no frame, or asked more at a time than it may.", l.count.broken.Load())
	counter("p2p_streams_slow_total", "Streams that ended since the other side did not take an answer within a minute.", l.count.slow.Load())
	counter("p2p_streams_failed_total", "Streams to sensors of other servers that ended or were not opened, and are tried again.", l.count.failures.Load())
}
