package wire

import (
	"strconv"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// AppendItem appends {"attribute_id":…,"payload":…,"timestamp":…}: what a
// device sends, and an item of a batch for viewers.
func AppendItem(dst []byte, m *sensocto.Measurement) []byte {
	return append(appendFields(append(dst, '{'), m), '}')
}

func appendFields(dst []byte, m *sensocto.Measurement) []byte {
	dst = jsonscan.AppendString(append(dst, `"attribute_id":`...), m.AttributeID)
	dst = m.AppendPayload(append(dst, `,"payload":`...))
	return sensocto.AppendTimestamp(append(dst, `,"timestamp":`...), m.Timestamp)
}

// AppendBucketItem appends an item of a batch for viewers that stands for
// merged samples: {"attribute_id":…,"min":…,…,"to":…}.
func AppendBucketItem(dst []byte, attributeID string, b sensocto.Bucket) []byte {
	dst = jsonscan.AppendString(append(dst, `{"attribute_id":`...), attributeID)
	return append(b.AppendFields(append(dst, ',')), '}')
}

// AppendMeasurements appends the array that a device sends as
// measurements_batch.
func AppendMeasurements(dst []byte, ms []sensocto.Measurement) []byte {
	return append(appendItems(append(dst, '['), ms), ']')
}

func appendItems(dst []byte, ms []sensocto.Measurement) []byte {
	for i := range ms {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendItem(dst, &ms[i])
	}
	return dst
}

// AppendMeasurement appends the payload of the event "measurement" for viewers:
// {sensor_id, attribute_id, payload, timestamp}, and lagged where it is not 0.
func AppendMeasurement(dst []byte, sensorID string, m *sensocto.Measurement, lagged int64) []byte {
	dst = appendSensor(append(dst, '{'), sensorID, lagged)
	return append(appendFields(append(dst, ','), m), '}')
}

// AppendBatch appends the payload of the event "measurements_batch" for viewers:
// {sensor_id, measurements}, and lagged where it is not 0.
func AppendBatch(dst []byte, sensorID string, ms []sensocto.Measurement, lagged int64) []byte {
	dst = AppendBatchHead(dst, sensorID, lagged)
	return AppendBatchTail(appendItems(dst, ms))
}

// AppendBatchHead begins the payload of a "measurements_batch" whose items the
// caller appends, with commas between them: see AppendItem and AppendBucketItem.
func AppendBatchHead(dst []byte, sensorID string, lagged int64) []byte {
	dst = appendSensor(append(dst, '{'), sensorID, lagged)
	return append(dst, `,"measurements":[`...)
}

// AppendBatchTail ends what AppendBatchHead began.
func AppendBatchTail(dst []byte) []byte { return append(dst, "]}"...) }

func appendSensor(dst []byte, sensorID string, lagged int64) []byte {
	dst = jsonscan.AppendString(append(dst, `"sensor_id":`...), sensorID)
	if lagged == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, `,"lagged":`...), lagged, 10)
}

// AppendSamples appends a list of {payload, timestamp}, as in a history.
func AppendSamples(dst []byte, samples []sensocto.Sample) []byte {
	dst = append(dst, '[')
	for i := range samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = samples[i].AppendJSON(dst)
	}
	return append(dst, ']')
}
