package recording

import (
	"encoding/json"
)

// Annotation is a remark on a moment of a recording.
type Annotation struct {
	Offset int64 // µs after the recording's start
	// Duration is how long what it remarks lasted, in µs; 0 where the file
	// does not say.
	Duration int64
	// Type is the WFDB annotation symbol, for example "N" for a normal beat,
	// "" in EDF.
	Type string
	// Text is the remark: the text of EDF, the auxiliary note of WFDB.
	Text string
	// Subtype, Channel and Number are the fields of the same names of WFDB.
	Subtype, Channel, Number int
}

// Document returns the annotation as the JSON object that is sent: the keys
// type, text, duration (s), subtype, channel and number, without those that
// are empty or zero.
func (a Annotation) Document() []byte {
	text, err := json.Marshal(struct {
		Type     string  `json:"type,omitempty"`
		Text     string  `json:"text,omitempty"`
		Duration float64 `json:"duration,omitempty"`
		Subtype  int     `json:"subtype,omitempty"`
		Channel  int     `json:"channel,omitempty"`
		Number   int     `json:"number,omitempty"`
	}{a.Type, a.Text, float64(a.Duration) / 1e6, a.Subtype, a.Channel, a.Number})
	if err != nil {
		panic(err) // strings and finite numbers always encode
	}
	return text
}
