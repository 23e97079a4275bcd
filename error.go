package sensocto

import (
	"errors"
	"fmt"
)

// Code classifies an [Error] for whoever has to translate it: package socket
// into a reply, package web into an HTTP status.
type Code string

// The codes an Error may have.
const (
	CodeConflict     Code = "conflict"     // contradicts what exists
	CodeInternal     Code = "internal"     // a fault of the program
	CodeInvalid      Code = "invalid"      // the request is wrong
	CodeNotFound     Code = "not_found"    // no such thing
	CodeUnauthorized Code = "unauthorized" // no or bad credential, or no right
	CodeRateLimited  Code = "rate_limited" // too much, too often
	CodeUnavailable  Code = "unavailable"  // come back later
)

// Error is an error that may be shown to whoever caused it.
type Error struct {
	Code Code
	// Reason is one snake_case word for programs, for example
	// "invalid_attribute_id". Empty means the code itself.
	Reason string
	// Message is a sentence for people: what is wrong and what to do.
	Message string
	// Field is the member of the request that is wrong, where it is one and Reason
	// is not "invalid_" and its name.
	Field string
}

// Error returns the message, or the reason where there is none.
func (e *Error) Error() string {
	if e.Message != "" {
		return e.Message
	}
	return e.reason()
}

func (e *Error) reason() string {
	if e.Reason != "" {
		return e.Reason
	}
	return string(e.Code)
}

// ErrorCode returns the code of the first *Error in err's chain, and
// CodeInternal for any other error. It returns "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ErrorReason returns the snake_case word that tells programs why err
// happened. It returns "" for nil.
func ErrorReason(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.reason()
	}
	return string(CodeInternal)
}

// Errors returns every *Error that err is or joins (errors.Join), in order.
func Errors(err error) (all []*Error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, Errors(e)...)
		}
		return all
	}
	if e, ok := errors.AsType[*Error](err); ok {
		all = append(all, e)
	}
	return all
}

// Errors that several parts return and compare with errors.Is.
var (
	ErrUnauthorized = &Error{Code: CodeUnauthorized, Message: "no valid credential, or no right"}
	ErrNotFound     = &Error{Code: CodeNotFound, Message: "not found"}
	ErrUnavailable  = &Error{Code: CodeUnavailable, Message: "temporarily unavailable, try again later"}

	// ErrDuplicate says that a batch with this stream and number was taken
	// before: it is not stored again, and its sender is answered as before.
	ErrDuplicate = &Error{Code: CodeConflict, Reason: "duplicate", Message: "the batch was taken before"}

	// A measurement is refused with one of these; the rest of its batch is kept.
	ErrInvalidAttributeID = &Error{Code: CodeInvalid, Reason: "invalid_attribute_id", Message: "attribute_id must match ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"}
	ErrInvalidTimestamp   = &Error{Code: CodeInvalid, Reason: "invalid_timestamp", Message: "timestamp must be a number: Unix time in milliseconds"}
	ErrTooOld             = &Error{Code: CodeInvalid, Reason: "timestamp_too_old", Message: "timestamp is before 2000: is it in seconds instead of milliseconds?"}
	ErrInFuture           = &Error{Code: CodeInvalid, Reason: "timestamp_in_future", Message: "timestamp is too far in the future: check the clock"}
	ErrInvalidPayload     = &Error{Code: CodeInvalid, Reason: "invalid_payload", Message: "payload must be a finite number or a JSON value"}
	ErrPayloadTooLarge    = &Error{Code: CodeInvalid, Reason: "payload_too_large", Message: "payload is larger than 64 KiB"}
	ErrMissingFields      = &Error{Code: CodeInvalid, Reason: "missing_fields", Message: "a measurement needs attribute_id, payload and timestamp"}
	ErrTooManySeries      = &Error{Code: CodeInvalid, Reason: "too_many_series", Message: "the server has as many series as limits.series allows: raise it, or delete sensors that are not needed"}
	ErrTooManyAttributes  = &Error{Code: CodeInvalid, Reason: "too_many_attributes", Message: "the sensor has as many attributes as the server allows"}
)

// GapError says that batches of a stream are missing before the one that was
// sent: nothing of it is stored.
type GapError struct {
	Expected uint64 // the number that the stream has to go on with
}

// Error implements error.
func (e *GapError) Error() string {
	return fmt.Sprintf("batches are missing: send number %d next", e.Expected)
}
