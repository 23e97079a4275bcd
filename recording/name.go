package recording

import (
	"path/filepath"
	"strconv"
	"strings"
)

const (
	maxAttributeID = 64
	maxSensorID    = 128
)

// SensorID turns a recording's name into a valid sensor id: characters that
// an id may not have become "_".
func SensorID(name string) string {
	id := strings.Map(func(c rune) rune {
		if alphanumeric(c) || strings.ContainsRune("._:-", c) {
			return c
		}
		return '_'
	}, name)
	if id == "" {
		return "recording"
	}
	return id[:min(len(id), maxSensorID)]
}

// nameAttributes gives every signal a valid id that no other has.
func (r *Recording) nameAttributes() {
	taken := map[string]int{} // how often an id was wanted
	if len(r.Annotations) > 0 {
		taken[AnnotationsID] = 1
	}
	for i := range r.Signals {
		s := &r.Signals[i]
		s.AttributeID = unique(attributeID(s.Name, i+1), taken)
	}
}

// attributeID returns the id of signal number n (from 1) by its name.
func attributeID(name string, n int) string {
	id := strings.Map(func(c rune) rune {
		if alphanumeric(c) || c == '_' || c == '-' {
			return c
		}
		return '_'
	}, strings.TrimSpace(name))
	id = strings.TrimLeft(id, "_-")
	if id == "" {
		return "signal_" + strconv.Itoa(n)
	}
	return id[:min(len(id), maxAttributeID)]
}

// unique numbers an id that is taken: ecg, ecg_2, ecg_3. It shortens the id
// where the number would make it too long.
func unique(id string, taken map[string]int) string { return uniqueWithin(id, taken, maxAttributeID) }

func uniqueWithin(id string, taken map[string]int, width int) string {
	candidate := id
	for n := max(taken[id], 1) + 1; taken[candidate] > 0; n++ {
		suffix := "_" + strconv.Itoa(n)
		candidate = id[:min(len(id), width-len(suffix))] + suffix
		taken[id] = n
	}
	taken[candidate] = max(taken[candidate], 1)
	return candidate
}

func alphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// stem returns a file's name without directory and extension.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}
