package outbound

import (
	"encoding/binary"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// appendBatch appends the payload of a measurements_batch.
func (d *digest) appendBatch(dst []byte) []byte {
	dst = wire.AppendBatchHead(dst, d.sensorID, d.lagged)
	first := true
	for i := range d.series {
		s := &d.series[i]
		for j := range s.entries {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if e := &s.entries[j]; e.single() {
				dst = wire.AppendItem(dst, e.measurement(s.attributeID))
			} else {
				dst = wire.AppendBucketItem(dst, s.attributeID, e.Bucket)
			}
		}
	}
	return wire.AppendBatchTail(dst)
}

// appendFragment appends a sensor's part of a sensor_batch.
func (d *digest) appendFragment(dst []byte) []byte {
	for i := range d.series {
		s := &d.series[i]
		dst = append(append(dst, byte(len(s.attributeID))), s.attributeID...)
		size := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		for j := range s.entries {
			if j > 0 {
				dst = append(dst, ',')
			}
			if e := &s.entries[j]; e.single() {
				dst = sensocto.Sample{Timestamp: e.From, Value: e.First, Document: e.document}.AppendJSON(dst)
			} else {
				dst = append(e.AppendFields(append(dst, '{')), '}')
			}
		}
		binary.LittleEndian.PutUint32(dst[size:], uint32(len(dst)-size-4))
	}
	return dst
}

// batch returns the samples, where all are there one by one.
func (d *digest) batch() (b *sensocto.Batch, ok bool) {
	if d.lagged > 0 {
		return nil, false
	}
	b = &sensocto.Batch{SensorID: d.sensorID, Measurements: make([]sensocto.Measurement, 0, d.samples)}
	for i := range d.series {
		s := &d.series[i]
		for j := range s.entries {
			b.Measurements = append(b.Measurements, *s.entries[j].measurement(s.attributeID))
		}
	}
	return b, true
}

// size estimates the size of the digest as JSON.
func (d *digest) size() int {
	size := 64 + len(d.sensorID) + d.docBytes
	for i := range d.series {
		size += len(d.series[i].entries) * (bucketBytes + len(d.series[i].attributeID))
	}
	return size
}

// message returns the digest as it is handed to viewers, encoded once for each
// encoding.
func (d *digest) message() *sensocto.Message {
	return &sensocto.Message{Topic: sensocto.DataTopic(d.sensorID), Event: sensocto.EventMeasurementsBatch, Payload: d}
}
