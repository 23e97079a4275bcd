package web

import (
	"archive/zip"
	"context"
	"io"
	"strings"

	"github.com/sensocto/sensocto"
)

// brokenArchive says in the API what a right that ends does to an archive.
const brokenArchive = "Where a sensor is handed over, deleted or no longer shared while it is being written, the connection breaks and the archive has no end: " +
	"what has an end is complete."

// errRightEnded breaks an archive: a part of a sensor must not pass for all of it.
var errRightEnded = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "right_ended",
	Message: "the right to a sensor ended while it was being written: download the archive again, without it"}

// entryOf returns how an archive names the file of a sensor. The id, which may begin
// with a dot or hold a colon, is no path: not every system takes it as a file's name.
func entryOf(sensorID, format string) string {
	return "sensors/sensor_" + strings.ReplaceAll(sensorID, ":", "_") + "." + format
}

// writeEntry writes an export as an entry of an archive. It ends with errRightEnded
// once still says no: it is asked when rights change, and at the end.
func (s *server) writeEntry(ctx context.Context, z *zip.Writer, id sensocto.Identity, q ExportQuery, still func() bool) error {
	ctx, end := s.longRequests.watch(ctx, id, still, nil)
	defer end()
	if !still() { // since the caller asked
		return errRightEnded
	}
	err := s.writeExported(ctx, z, q)
	if context.Cause(ctx) == sensocto.ErrUnauthorized || err == nil && !still() {
		return errRightEnded
	}
	return err
}

func (s *server) writeExported(ctx context.Context, z *zip.Writer, q ExportQuery) error {
	file, err := s.Export(ctx, q)
	if err != nil {
		return err
	}
	defer file.Close()
	entry, err := z.Create(entryOf(q.Sensor.ID, q.Format))
	if err != nil {
		return err
	}
	return file.Write(ctx, &untilDone{ctx, entry})
}

// untilDone writes nothing any more once its context has ended.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (u *untilDone) Write(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.w.Write(b)
}
