package main

import (
	"context"
	"io"
	"os"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
	"github.com/sensocto/sensocto/web"
)

// maxExports bounds the exports that are made at once: some put their samples
// into a temporary file. Who comes then is refused.
const maxExports = 2

// exporter returns a function that prepares exports of the running server.
func (s *server) exporter() func(context.Context, web.ExportQuery) (web.ExportFile, error) {
	turns := make(chan struct{}, maxExports) // refuses when full
	return func(ctx context.Context, q web.ExportQuery) (web.ExportFile, error) {
		select {
		case turns <- struct{}{}:
		default:
			return nil, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "busy", Message: "other exports are under way: wait for the end of one"}
		}
		format := recording.Format(q.Format)
		file, err := recording.Export{
			SensorID: q.Sensor.ID, SensorName: q.Sensor.Name, Attributes: q.Sensor.Attributes,
			Read: s.samples().Read, From: q.From, To: q.To, Resample: q.Resample,
			TempDir: os.TempDir(), MaxTemp: exportSpace(os.TempDir(), int64(s.config.Export)),
		}.Prepare(ctx, format)
		if err != nil {
			<-turns
			return nil, err
		}
		return &servedExport{File: file, format: format, sensor: q.Sensor.ID, done: func() { <-turns }}, nil
	}
}

// exportSpace returns how much of a disk an export may take: the limit, and at
// most a quarter of what is free, since others need it as well.
func exportSpace(dir string, limit int64) int64 {
	free, err := freeBytes(dir)
	if err != nil {
		return limit
	}
	return max(1, min(limit, free/4))
}

// servedExport is a file that holds a turn until it is closed, once.
type servedExport struct {
	recording.File
	format recording.Format
	sensor string
	done   func()
}

var _ web.ExportFile = (*servedExport)(nil)

func (f *servedExport) Name() string      { return f.sensor + f.format.Extension() }
func (f *servedExport) MediaType() string { return f.format.MediaType() }

func (f *servedExport) Write(ctx context.Context, w io.Writer) error { return f.File.Write(ctx, w) }

func (f *servedExport) Close() error {
	if f.done != nil {
		f.done()
		f.done = nil
	}
	return f.File.Close()
}
