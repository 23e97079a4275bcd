package sim

func ecgSignal(b *body) *Signal {
	return &Signal{ID: "ecg", Name: "ECG", Type: "ecg", Unit: "mV", Rate: b.options.Rate, number: func() float64 { return 0 }}
}
func respirationSignal(b *body) *Signal {
	return &Signal{ID: "respiration", Rate: 25, number: func() float64 { return 0 }}
}
func ppgSignal(b *body) *Signal {
	return &Signal{ID: "ppg", Rate: 100, number: func() float64 { return 0 }}
}
func heartRateSignal(b *body) *Signal {
	return &Signal{ID: "heartrate", Rate: 1, number: func() float64 { return 0 }}
}
func spo2Signal(b *body) *Signal {
	return &Signal{ID: "spo2", Rate: 1, number: func() float64 { return 0 }}
}
func temperatureSignal(b *body) *Signal {
	return &Signal{ID: "temperature", Rate: 1, number: func() float64 { return 0 }}
}
func accelerometerSignal(b *body) *Signal {
	return &Signal{ID: "accelerometer", Rate: 50, document: func(d []byte) []byte { return append(d, '{', '}') }}
}
func gyroscopeSignal(b *body) *Signal { return accelerometerSignal(b) }
func positionSignal(b *body) *Signal  { return accelerometerSignal(b) }
func batterySignal(b *body) *Signal   { return accelerometerSignal(b) }
