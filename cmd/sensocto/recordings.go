package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// recordingFlags say which files are read, and how.
type recordingFlags struct {
	Files     []string `arg:"" name:"file" type:"path" help:"WFDB header (.hea), EDF, BDF or CSV."`
	SensorID  string   `placeholder:"ID" help:"Sensor that it becomes; default the record's name."`
	Rate      float64  `placeholder:"HZ" help:"Sampling rate of a CSV file without a time column."`
	Zone      string   `placeholder:"ZONE" help:"Time zone of dates without one in a CSV file, such as Europe/Berlin; default UTC."`
	Annotator string   `placeholder:"SUFFIX" help:"Suffix of the annotation file of a WFDB record, default atr."`
	Quiet     bool     `short:"q" help:"Say nothing but errors."`
}

// recordingHelp is the part of --help that is about files.
const recordingHelp = `CSV: the first line that is no comment (# or %) names the columns, "name (unit)". The
separator is a comma, a semicolon or a tab; decimals have a point, or all of them a comma. The
time is a column time, timestamp, datetime, … in seconds, ms, µs or ns since the start or since
1970, or dates; without one give --rate. Rows may come in any order of time. Texts are UTF-8,
UTF-16 or Windows-1252.

What a file holds and the recording does not, is said on standard error for each file and
counted in the last line: columns that hold no numbers, cut lines, checksums that do not match.
A file that cannot be read does not stop the others; the exit code is 1 then, and the last lines
say which files failed and why.`

// options are how a file is opened.
func (f recordingFlags) options() (recording.Options, error) {
	o := recording.Options{Rate: f.Rate, Annotator: f.Annotator}
	switch {
	case f.SensorID != "" && len(f.Files) > 1:
		return o, usagef("--sensor-id goes with one file: without it each sensor is named after its record")
	case f.SensorID != "" && !sensocto.ValidID(f.SensorID):
		return o, usagef("--sensor-id %q: an id has 1 to 128 of the characters A-Z a-z 0-9 . _ : -", f.SensorID)
	}
	if f.Zone != "" {
		zone, err := time.LoadLocation(f.Zone)
		if err != nil {
			return o, usagef("--zone %q: use a name such as Europe/Berlin, or UTC", f.Zone)
		}
		o.Zone = zone
	}
	return o, nil
}

// sensorID is what the recording is called on the server.
func (f recordingFlags) sensorID(r *recording.Recording) string {
	if f.SensorID != "" {
		return f.SensorID
	}
	return recording.SensorID(r.Name)
}

// maxRemarks bounds what is said of one file.
const maxRemarks = 20

// remarks counts what the files hold and their recordings do not.
type remarks int

// add says what of a file is left out, and whether its checksums match. It
// returns how many things that are.
func (n *remarks) add(p *progress, file string, r *recording.Recording) int {
	list := r.Ignored
	if err := r.Verify(); err != nil {
		list = append(list[:len(list):len(list)], strings.TrimPrefix(err.Error(), file+" "))
	}
	for _, text := range list[:min(len(list), maxRemarks)] {
		p.say("%s: %s", file, text)
	}
	if more := len(list) - maxRemarks; more > 0 {
		p.say("%s: and %d more like these", file, more)
	}
	*n += remarks(len(list))
	return len(list)
}

// String ends a closing line.
func (n remarks) String() string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; 1 thing was left out or changed: see above"
	}
	return fmt.Sprintf("; %d things were left out or changed: see above", int(n))
}

// fileFailures gathers what went wrong with files of a list, while the others
// go on. It is for concurrent use.
type fileFailures struct {
	files int // of the list

	mu   sync.Mutex // guards list
	list []error
}

// add says what went wrong, at once where there are other files.
func (f *fileFailures) add(p *progress, file string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !strings.Contains(blanked(err.Error()), blanked(file)) {
		err = fmt.Errorf("%s: %w", file, err)
	}
	f.list = append(f.list, err)
	if f.files > 1 {
		p.say("failed: %v", err)
	}
}

// blanked has blanks for what is not printable, as errors of recordings do.
func blanked(text string) string {
	return strings.Map(func(c rune) rune {
		if invisible(c) {
			return ' '
		}
		return c
	}, text)
}

// err is nil where nothing failed, and what went wrong where there is only one
// file. Otherwise it lists what failed.
func (f *fileFailures) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.list) == 0:
		return nil
	case f.files == 1:
		return errors.Join(f.list...)
	}
	lines := []string{fmt.Sprintf("%d of %d files failed:", len(f.list), f.files)}
	for _, err := range f.list {
		lines = append(lines, "  "+err.Error())
	}
	return errors.New(strings.Join(lines, "\n"))
}
