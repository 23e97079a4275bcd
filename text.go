package sensocto

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds the texts that describe sensors and attributes, such as
// names, types and units, in characters.
const MaxText = 128

// MaxDescription bounds all texts that describe one sensor together, in bytes:
// they are part of every announcement of the sensor, which must fit into the
// queue of a viewer.
const MaxDescription = 256 << 10

// Printable reports whether c may be part of a text that describes something:
// letters, marks, numbers, punctuation, symbols and spaces, and the two joiners
// that some scripts and emoji need. Control characters and those that change
// the direction of a text are not.
func Printable(c rune) bool {
	return unicode.IsGraphic(c) || c == '\u200c' || c == '\u200d'
}

// ValidText reports whether s may describe something: at most MaxText printable
// characters in UTF-8. An empty text is valid.
func ValidText(s string) bool {
	n := 0
	for i, c := range s {
		if n++; n > MaxText || !Printable(c) {
			return false
		}
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return false // a byte that is no UTF-8
		}
	}
	return true
}

// CleanText returns s as ValidText accepts it: what is not printable becomes
// U+FFFD, and what is too long is cut. It is for texts that nobody can be asked
// to correct, such as those stored before they were checked.
func CleanText(s string) string {
	if ValidText(s) {
		return s
	}
	var b strings.Builder
	n := 0
	for _, c := range s {
		if n++; n > MaxText {
			break
		}
		if !Printable(c) {
			c = utf8.RuneError
		}
		b.WriteRune(c)
	}
	return b.String()
}

// CheckText returns an error of CodeInvalid that names the field unless
// ValidText accepts the text. The field is a name of the protocol.
func CheckText(field, text string) error {
	if ValidText(text) {
		return nil
	}
	return &Error{Code: CodeInvalid, Reason: "invalid_" + field,
		Message: fmt.Sprintf("%s must have at most %d printable characters", field, MaxText)}
}

// checkRate returns an error unless the rate is a number of samples a second.
func checkRate(rate float64) error {
	if rate >= 0 && !math.IsInf(rate, 1) {
		return nil
	}
	return &Error{Code: CodeInvalid, Reason: "invalid_sampling_rate", Message: "sampling_rate must be a finite number of Hz, 0 where it is not known"}
}

// Check returns an error of CodeInvalid that names what may not describe an
// attribute.
func (a Attribute) Check() error {
	if !ValidAttributeID(a.ID) {
		return ErrInvalidAttributeID
	}
	return firstError(CheckText("attribute_name", a.Name), CheckText("attribute_type", a.Type),
		CheckText("unit", a.Unit), checkRate(a.SamplingRate))
}

// Check returns an error of CodeInvalid that names what may not describe a
// sensor.
func (r Registration) Check() error {
	err := firstError(CheckText("sensor_name", r.SensorName), CheckText("sensor_type", r.SensorType),
		CheckText("connector_name", r.ConnectorName), checkRate(r.SamplingRate))
	for i := 0; err == nil && i < len(r.Attributes); i++ {
		err = r.Attributes[i].Check()
	}
	return err
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Clean returns the sensor with texts that ValidText accepts, see CleanText.
func (s Sensor) Clean() Sensor {
	s.Name, s.Type = CleanText(s.Name), CleanText(s.Type)
	s.ConnectorID, s.ConnectorName = CleanText(s.ConnectorID), CleanText(s.ConnectorName)
	s.SamplingRate = cleanRate(s.SamplingRate)
	for i := range s.Attributes {
		a := &s.Attributes[i]
		a.Name, a.Type, a.Unit = CleanText(a.Name), CleanText(a.Type), CleanText(a.Unit)
		a.SamplingRate = cleanRate(a.SamplingRate)
	}
	return s
}

func cleanRate(rate float64) float64 {
	if checkRate(rate) != nil {
		return 0
	}
	return rate
}
