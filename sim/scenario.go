package sim

// Defaults of Options.
const (
	DefaultScenario = "ecg"
	DefaultRate     = 512.0
)

// scenario is a set of signals that one kind of device sends.
type scenario struct {
	name, about string
	signals     []func(*body) *Signal
}

func scenarios() []scenario {
	return []scenario{
		{"ecg", "one-lead ECG (512 Hz)", []func(*body) *Signal{ecgSignal}},
		{"vitals", "ECG, respiration, PPG, heart rate, oxygen saturation and temperature: a bedside monitor",
			[]func(*body) *Signal{ecgSignal, respirationSignal, ppgSignal, heartRateSignal, spo2Signal, temperatureSignal}},
		{"wearable", "PPG, heart rate, accelerometer, skin temperature, position and battery: a watch",
			[]func(*body) *Signal{ppgSignal, heartRateSignal, accelerometerSignal, temperatureSignal, positionSignal, batterySignal}},
		{"imu", "accelerometer and gyroscope (50 Hz, documents with x, y, z) and battery", []func(*body) *Signal{accelerometerSignal, gyroscopeSignal, batterySignal}},
		{"glasses", "gaze (60 Hz, documents with x, y), accelerometer and battery: eye tracking glasses", []func(*body) *Signal{gazeSignal, accelerometerSignal, batterySignal}},
		{"all", "every signal there is",
			[]func(*body) *Signal{ecgSignal, respirationSignal, ppgSignal, heartRateSignal, spo2Signal, temperatureSignal,
				accelerometerSignal, gyroscopeSignal, positionSignal, gazeSignal, batterySignal}},
	}
}

// Scenarios returns the names of the scenarios.
func Scenarios() []string {
	var names []string
	for _, s := range scenarios() {
		names = append(names, s.name)
	}
	return names
}

// Describe says in a few words what a scenario sends, "" for an unknown one.
func Describe(name string) string {
	s, _ := scenarioByName(name)
	return s.about
}

func scenarioByName(name string) (scenario, bool) {
	for _, s := range scenarios() {
		if s.name == name {
			return s, true
		}
	}
	return scenario{}, false
}
