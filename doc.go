// Package sensocto is the domain of the SensOcto sensor platform: what a
// sensor, an attribute, a measurement and a sample are, how they are named on
// topics, and the small interfaces through which the parts of the program meet.
//
// It depends on the standard library only and starts nothing. The parts
// (packages socket, sensor, store, pubsub, …) import this package and never
// each other; cmd/sensocto wires them together.
//
// Times are Unix time in microseconds (int64) everywhere inside the program;
// on the wire they are Unix milliseconds, integer or fractional.
package sensocto
