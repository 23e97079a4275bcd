// Package sim generates physiological signals: what a chest strap, a watch or
// a phone would send. It is for demonstrations, tests and measuring a server
// under load, not for research.
//
// Devices are deterministic: the same options give the same samples, bit for
// bit, on one kind of machine. Every signal is generated on its own, so the order
// in which signals are asked does not matter; what belongs together (the
// heartbeat in ECG, PPG and heart rate, the breath in respiration and
// heart-rate variability) agrees, because it is derived from the same seed.
//
// Nothing here knows of clocks: sample i of a signal lies round(i·1e6/rate)
// µs after whatever start the caller chooses. Signals are endless. A Device
// is not for concurrent use; two devices are independent.
package sim
