package recording

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sensocto/sensocto"
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
	taken := map[string]bool{}
	if len(r.Annotations) > 0 {
		taken[AnnotationsID] = true
	}
	for i := range r.Signals {
		s := &r.Signals[i]
		s.AttributeID = unique(attributeID(s.Name, i+1), taken)
		taken[s.AttributeID] = true
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
func unique(id string, taken map[string]bool) string {
	candidate := id
	for n := 2; taken[candidate] || !sensocto.ValidAttributeID(candidate); n++ {
		suffix := "_" + strconv.Itoa(n)
		candidate = id[:min(len(id), maxAttributeID-len(suffix))] + suffix
	}
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
