package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/store"
)

// localImport is a sink in this process.
type localImport struct{ *store.Import }

// openImport makes the sensor known and begins.
func (l local) openImport(ctx context.Context, j *importJob) (importSink, error) {
	m := j.manifest()
	known, err := l.sensor(ctx, m.registration(j.sensorID))
	if err != nil {
		return nil, err
	}
	if err := l.db.SaveSensors(ctx, []sensocto.Sensor{known}); err != nil {
		return nil, err
	}
	return localImport{l.store.Import(j.sensorID)}, nil
}

// sensor returns what is known of a sensor, and for the rest what is said.
func (l local) sensor(ctx context.Context, said sensocto.Registration) (s sensocto.Sensor, err error) {
	s = sensocto.Sensor{ID: said.SensorID, Name: said.SensorName, Type: said.SensorType, OwnerID: sensocto.OperatorID,
		ConnectorID: said.ConnectorID, ConnectorName: said.ConnectorName, SamplingRate: said.SamplingRate}
	sensors, err := l.db.LoadSensors(ctx)
	if err != nil {
		return s, err
	}
	known := make(map[string]bool)
	for _, x := range sensors {
		if x.ID != said.SensorID {
			continue
		}
		s = x
		for _, a := range x.Attributes {
			known[a.ID] = true
		}
	}
	for _, a := range said.Attributes {
		if !known[a.ID] {
			a.Type = sensor.TypeOf(a.ID)
			s.Attributes = append(s.Attributes, a)
		}
	}
	if n := len(s.Attributes); n > l.config.Attributes {
		return s, fmt.Errorf("%d attributes are more than limits.attributes allows (%d)", n, l.config.Attributes)
	}
	return s, nil
}

func (i localImport) add(ctx context.Context, attributeID string, cols *store.Columns) error {
	return i.Add(ctx, attributeID, cols)
}
func (i localImport) finish(ctx context.Context) error { return i.Flush(ctx) }
func (i localImport) done() sensocto.Imported          { return i.Done() }
func (i localImport) close()                           {}

// upload is a sink on a server: one request.
type upload struct {
	writer *importWriter
	pipe   *io.PipeWriter
	cancel context.CancelFunc
	answer chan error // the one result of the request
	result sensocto.Imported
	over   error
	ended  bool
}

// openUpload begins the request.
func (f remoteFlags) openUpload(ctx context.Context, j *importJob) (importSink, error) {
	base := f.Server
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	reader, pipe := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(base, "/")+"/api/v1/sensors/"+url.PathEscape(j.sensorID)+"/import", reader)
	if err != nil {
		cancel()
		return nil, usagef("--server: %w", err)
	}
	req.Header.Set("Content-Type", importType)
	req.Header.Set("Expect", "100-continue") // so that a refusal comes before the upload
	if f.Token != "" {
		req.Header.Set("Authorization", "Bearer "+f.Token)
	}
	u := &upload{pipe: pipe, cancel: cancel, answer: make(chan error, 1)}
	go func() {
		err := f.upload(req, &u.result)
		reader.CloseWithError(errors.New("the server answered")) // whoever writes learns that it is over
		u.answer <- err
	}()
	if u.writer, err = newImportWriter(pipe, j.manifest()); err != nil {
		err = u.explain(err)
		cancel()
		return nil, err
	}
	return u, nil
}

// upload makes the request and reads the answer.
func (f remoteFlags) upload(req *http.Request, result *sensocto.Imported) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ExpectContinueTimeout: 5 * time.Second}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return f.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return f.apiError(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(result); err != nil {
		return fmt.Errorf("read the answer of %s: %w", f.Server, err)
	}
	return nil
}

func (u *upload) add(_ context.Context, attributeID string, cols *store.Columns) error {
	if err := u.writer.chunk(attributeID, cols); err != nil {
		return u.explain(err)
	}
	return nil
}

func (u *upload) finish(context.Context) error {
	if err := u.writer.end(); err != nil {
		return u.explain(err)
	}
	u.pipe.Close()
	return u.wait()
}

// explain returns why the server ended the upload early.
func (u *upload) explain(err error) error {
	u.pipe.CloseWithError(err)
	if answered := u.wait(); answered != nil {
		return answered
	}
	return err
}

func (u *upload) wait() error {
	if !u.ended {
		u.over, u.ended = <-u.answer, true
	}
	return u.over
}

func (u *upload) done() sensocto.Imported {
	if u.ended && u.over == nil {
		return u.result
	}
	return sensocto.Imported{} // the server knows
}

func (u *upload) close() {
	u.cancel()
	u.pipe.CloseWithError(context.Canceled)
	_ = u.wait() // it is over, one way or the other
}
