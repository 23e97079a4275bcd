package store

import (
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

// MinRetention is the least age at which anything is removed: far more than
// what memory and the journal hold, and what a late device may bring.
const MinRetention = time.Hour

// RetentionRule says how long samples and rollups are kept of some series: of
// one sensor, of one attribute of any sensor, of one type of attributes, or,
// where it names none, of all. A rule may name several; all must fit then.
type RetentionRule struct {
	SensorID, AttributeID, Type string
	// Raw and Rollups are ages; 0 says nothing, and leaves it to other rules.
	Raw, Rollups time.Duration
}

// Retention is the rules of a server. Where several fit, the one that names
// more specific things counts, each for Raw and for Rollups: a sensor before an
// attribute before a type. What no rule says is kept for ever.
type Retention []RetentionRule

// Problems returns what is wrong with the rules.
func (rules Retention) Problems() (problems []error) {
	seen := make(map[[3]string]int)
	for i, r := range rules {
		bad := func(format string, args ...any) {
			problems = append(problems, fmt.Errorf("rule %d: %s", i+1, fmt.Sprintf(format, args...)))
		}
		if r.Raw == 0 && r.Rollups == 0 {
			bad("says neither raw nor rollups")
		}
		if r.SensorID != "" && !sensocto.ValidID(r.SensorID) {
			bad("%q is no id of a sensor", r.SensorID)
		}
		if r.AttributeID != "" && !sensocto.ValidAttributeID(r.AttributeID) {
			bad("%q is no id of an attribute", r.AttributeID)
		}
		for _, age := range []time.Duration{r.Raw, r.Rollups} {
			if age != 0 && age < MinRetention {
				bad("%s is too short: an hour is the least", sensocto.FormatAge(age))
			}
		}
		if r.Rollups != 0 && r.Raw != 0 && r.Rollups < r.Raw {
			bad("rollups cannot go before the raw samples: they are how those are drawn")
		}
		key := [3]string{r.SensorID, r.AttributeID, r.Type}
		if first, ok := seen[key]; ok {
			bad("is for the same as rule %d", first)
		}
		seen[key] = i + 1
	}
	return problems
}

// weight orders rules that fit the same series.
func (r *RetentionRule) weight() (w int) {
	for i, name := range []string{r.Type, r.AttributeID, r.SensorID} {
		if name != "" {
			w |= 1 << i
		}
	}
	return w
}

func (r *RetentionRule) fits(sensorID, attributeID, attributeType string) bool {
	return (r.SensorID == "" || r.SensorID == sensorID) &&
		(r.AttributeID == "" || r.AttributeID == attributeID) &&
		(r.Type == "" || r.Type == attributeType)
}

// Of returns how long the samples of a series are kept. Rollups are kept at
// least as long as the samples.
func (rules Retention) Of(sensorID, attributeID, attributeType string) sensocto.Keep {
	keep := sensocto.Keep{Raw: sensocto.Forever, Rollups: sensocto.Forever}
	raw, rollups := -1, -1 // weights of the rules that count
	for i := range rules {
		r := &rules[i]
		if !r.fits(sensorID, attributeID, attributeType) {
			continue
		}
		w := r.weight()
		if r.Raw != 0 && w > raw {
			raw, keep.Raw = w, r.Raw
		}
		if r.Rollups != 0 && w > rollups {
			rollups, keep.Rollups = w, r.Rollups
		}
	}
	keep.Rollups = max(keep.Rollups, keep.Raw)
	return keep
}
