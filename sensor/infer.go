package sensor

import (
	"bytes"
	"strings"

	"github.com/sensocto/sensocto"
)

// typesByID are the types that attribute ids of common devices stand for.
var typesByID = map[string]string{
	"ecg": "ecg", "ekg": "ecg", "mlii": "ecg", "ppg": "ppg", "eeg": "eeg", "emg": "emg", "eda": "eda", "gsr": "eda",
	"heartrate": "heartrate", "heart_rate": "heartrate", "hr": "heartrate", "bpm": "heartrate", "hrv": "hrv", "rr": "rr_interval", "rr_interval": "rr_interval",
	"spo2": "spo2", "resp": "respiration", "respiration": "respiration", "abp": "blood_pressure", "blood_pressure": "blood_pressure",
	"temperature": "temperature", "temp": "temperature", "humidity": "humidity", "pressure": "pressure", "battery": "battery",
	"imu": "imu", "accelerometer": "accelerometer", "gyroscope": "gyroscope", "magnetometer": "magnetometer", "quaternion": "quaternion",
	"geolocation": "geolocation", "gps": "geolocation", "location": "geolocation", "gaze": "gaze", "eye_gaze": "gaze", "button": "button", "steps": "steps", "annotations": "annotation",
}

// typesByKey are the types that a key of a JSON object gives away.
var typesByKey = []struct{ key, attributeType string }{
	{`"latitude"`, "geolocation"}, {`"lat"`, "geolocation"}, {`"charging"`, "battery"}, {`"bpm"`, "heartrate"}, {`"x"`, "vector"},
}

// inferType guesses the type of an attribute that nobody described from its id
// and its first payload.
func inferType(id string, first sensocto.Sample) string {
	if t, ok := typesByID[strings.ToLower(id)]; ok {
		return t
	}
	if !first.IsDocument() {
		return "number"
	}
	switch bytes.TrimLeft(first.Document, " \t\r\n")[0] {
	case '{':
		for _, k := range typesByKey {
			if bytes.Contains(first.Document, []byte(k.key)) {
				return k.attributeType
			}
		}
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	}
	return "json"
}
