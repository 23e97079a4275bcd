package journal

import (
	"errors"
	"fmt"

	"github.com/sensocto/sensocto"
)

// Errors of a journal. ErrFull and ErrFailing are temporary.
var (
	// ErrFull says that the journal has reached Options.MaxBytes, because what
	// is in it does not reach the place where it is to stay.
	ErrFull = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "journal_full", Message: "the journal is full, try again later"}
	// ErrFailing says that the journal cannot be written.
	ErrFailing = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "journal_failing", Message: "the journal cannot be written, try again later"}
	// ErrVanished says that somebody deleted or moved a segment under the running
	// program: what was appended since is written again, to a new one.
	ErrVanished = errors.New("a segment was deleted, moved or replaced under the running program")
	// ErrClosed says that Run has ended.
	ErrClosed = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "journal_closed", Message: "the journal is closed"}
	// ErrVersion says that a newer version of the program wrote the journal.
	ErrVersion = errors.New("written by a newer version of the program: run that version, or a newer one")
)

// CorruptError says that something which was on disk is damaged or missing.
type CorruptError struct {
	Segment string // name of the file
	Offset  int64  // where in it
	Problem string
}

// Error says what is wrong and what an operator is to do.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("the journal is damaged: %s at byte %d: %s; see what there is with `sensocto check DATA_DIR`, then restore a backup, or keep what can be saved with `sensocto repair DATA_DIR`",
		e.Segment, e.Offset, e.Problem)
}

// readError says that the disk did not give what is on it.
func readError(segment string, err error) error {
	return fmt.Errorf("read journal: %s: %w: if this repeats, the disk is failing: copy the data directory to another disk", segment, err)
}
