package sim

import (
	"math"
	"strconv"
)

// positionSignal is a walk at walking pace that turns now and then, once a
// second, starting somewhere around the middle of Vienna.
func positionSignal(b *body) *Signal {
	const metresPerDegree = 111_320
	r := b.random(streamPosition)
	latitude, longitude := 48.2082+0.05*(r.Float64()-0.5), 16.3738+0.05*(r.Float64()-0.5)
	heading := 2 * math.Pi * r.Float64()
	speed := &drift{random: r, mean: 1.35, spread: 0.25, memory: 20}
	altitude := &drift{random: r, mean: 171, spread: 6, memory: 120}
	accuracy := &drift{random: r, mean: 6, spread: 2, memory: 30}
	return &Signal{ID: "geolocation", Name: "Position", Type: "geolocation", Rate: 1, document: func(dst []byte) []byte {
		dst = appendField(append(dst, '{'), "latitude", latitude, 7)
		dst = appendField(append(dst, ','), "longitude", longitude, 7)
		dst = appendField(append(dst, ','), "altitude", altitude.next(), 1)
		dst = appendField(append(dst, ','), "accuracy", max(accuracy.next(), 2), 1)
		heading += 0.15 * r.NormFloat64()
		step := max(speed.next(), 0)
		latitude += step * math.Cos(heading) / metresPerDegree
		longitude += step * math.Sin(heading) / (metresPerDegree * math.Cos(latitude*math.Pi/180))
		return append(dst, '}')
	}}
}

// batterySignal is a battery that lasts eight hours and is charged in one,
// every ten seconds. The level is a part of 1.
func batterySignal(b *body) *Signal {
	const rate, hours = 0.1, 8
	level, charging := 0.5+0.5*b.random(streamBattery).Float64(), false
	return &Signal{ID: "battery", Name: "Battery", Type: "battery", Rate: rate, document: func(dst []byte) []byte {
		dst = appendField(append(dst, '{'), "level", level, 3)
		dst = strconv.AppendBool(append(dst, `,"charging":`...), charging)
		step := 1 / (hours * 3600 * rate)
		if charging {
			level += hours * step
		} else {
			level -= step
		}
		level = min(max(level, 0), 1)
		if level <= 0.05 {
			charging = true
		} else if level >= 1 {
			charging = false
		}
		return append(dst, '}')
	}}
}
