// Package wire reads and writes the payloads that carry measurements
// (docs/protocol.md): single measurements, batches and acknowledged batches as
// JSON, and numeric samples as binary columns.
//
// Decoding is strict. A text that is not valid JSON is refused as a whole with
// jsonscan.ErrSyntax; in a valid one each measurement stands for itself: bad
// ones are reported with their index and a reason, good ones are kept. What was
// decoded shares no memory with the input. Encoding appends to a slice of the
// caller. Neither allocates for a sample; a document costs the copy of its text.
//
// The package does no input or output and does not know who may send what.
package wire

import (
	"strconv"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// DefaultSkew is how far a timestamp may be ahead of the server's clock.
const DefaultSkew = time.Hour

// maxReported bounds the refused items that a BatchResult lists.
const maxReported = 10

// Errors of whole payloads. Those of single measurements are in the root package.
var (
	// ErrNotArray refuses a measurements_batch that is no array.
	ErrNotArray = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_batch", Message: "a batch must be an array of measurements"}
	// ErrNotMeasurement refuses a measurement that is no object.
	ErrNotMeasurement = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_measurement", Message: "a measurement must be an object"}
	// ErrDuplicateFields refuses a measurement that has a key twice.
	ErrDuplicateFields = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "duplicate_fields", Message: "a measurement has a key twice"}
	// ErrInvalidStream refuses a stream that is no UUID.
	ErrInvalidStream = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_stream", Message: "stream must be a UUID"}
	// ErrInvalidSeq refuses a seq that does not count from 1.
	ErrInvalidSeq = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_seq", Message: "seq must be an integer from 1 on"}
	// ErrInvalidColumns refuses binary columns whose bytes contradict each other.
	ErrInvalidColumns = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_columns", Message: "malformed binary measurements"}
)

// ItemError says why one measurement was refused.
type ItemError struct {
	Index  int      // place in the batch, 0 for a single measurement
	Reason string   // snake_case, for programs
	Fields []string // the keys that are missing or doubled, where that is the reason

	err *sensocto.Error
}

// NewItemError returns the refusal of the measurement at index.
func NewItemError(index int, err *sensocto.Error, fields ...string) *ItemError {
	return &ItemError{Index: index, Reason: sensocto.ErrorReason(err), Fields: fields, err: err}
}

// Error returns what is wrong with which measurement.
func (e *ItemError) Error() string {
	return "measurement " + strconv.Itoa(e.Index) + ": " + e.Unwrap().Error()
}

// Unwrap returns the reason as an error of the root package.
func (e *ItemError) Unwrap() error {
	if e.err == nil {
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: e.Reason}
	}
	return e.err
}

// AppendJSON appends {"reason":…,"fields":[…]}: the response to a single
// measurement that was refused.
func (e *ItemError) AppendJSON(dst []byte) []byte {
	return append(e.appendFields(append(dst, '{')), '}')
}

func (e *ItemError) appendFields(dst []byte) []byte {
	dst = jsonscan.AppendString(append(dst, `"reason":`...), e.Reason)
	if len(e.Fields) == 0 {
		return dst
	}
	dst = append(dst, `,"fields":[`...)
	for i, field := range e.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonscan.AppendString(dst, field)
	}
	return append(dst, ']')
}

// BatchResult says what became of a batch.
type BatchResult struct {
	Accepted, Failed int
	Errors           []ItemError // of the first ten that failed
}

// AppendAccepted appends {"accepted":n}: the response to a batch without fault.
func (r BatchResult) AppendAccepted(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"accepted":`...), int64(r.Accepted), 10)
	return append(dst, '}')
}

// AppendInvalid appends {"reason":"invalid_batch",…}: the error response to a
// batch with faults.
func (r BatchResult) AppendInvalid(dst []byte) []byte {
	dst = append(dst, `{"reason":"invalid_batch","accepted":`...)
	dst = strconv.AppendInt(dst, int64(r.Accepted), 10)
	dst = append(dst, `,"failed_count":`...)
	dst = strconv.AppendInt(dst, int64(r.Failed), 10)
	dst = append(dst, `,"errors":[`...)
	for i := range r.Errors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"index":`...)
		dst = strconv.AppendInt(dst, int64(r.Errors[i].Index), 10)
		dst = r.Errors[i].appendFields(append(dst, ','))
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

func (r *BatchResult) refuse(e *ItemError) {
	r.Failed++
	if len(r.Errors) < maxReported {
		r.Errors = append(r.Errors, *e)
	}
}
