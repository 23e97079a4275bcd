package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/recording"
)

// localExports reads a data directory.
type localExports struct {
	cmd   exportCmd
	query url.Values
	local local
	log   io.Writer
}

func (e *localExports) sensors(ctx context.Context) ([]string, error) {
	list, err := e.local.db.LoadSensors(ctx)
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids, err
}

func (e *localExports) export(ctx context.Context, sensorID string, out io.Writer) ([]string, error) {
	sensor, err := e.find(ctx, sensorID)
	if err != nil {
		return nil, err
	}
	p := newProgress(e.log, e.cmd.Quiet)
	p.verb = "read"
	samples, err := e.count(ctx, sensor)
	if err != nil {
		return nil, err
	}
	p.add(samples, samples == 0)
	p.start()
	defer p.finish()
	x := recording.Export{SensorID: sensor.ID, SensorName: sensor.Name, Attributes: sensor.Attributes, Resample: e.cmd.Resample}
	for name, bound := range map[string]*int64{"from": &x.From, "to": &x.To} {
		if text := e.query.Get(name); text != "" {
			*bound, _ = parseTime(text) // it was parsed before
			*bound = max(*bound, 0)
		}
	}
	x.Read = func(ctx context.Context, sensorID, attributeID string, q sensocto.Query) (sensocto.Page, error) {
		page, err := e.local.store.Read(ctx, sensorID, attributeID, q)
		p.sent.Add(int64(len(page.Samples)))
		return page, err
	}
	file, err := x.Prepare(ctx, recording.Format(e.cmd.Format))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Notes(), file.Write(ctx, out)
}

// find returns the sensor with the attributes that are wanted.
func (e *localExports) find(ctx context.Context, sensorID string) (sensocto.Sensor, error) {
	list, err := e.local.db.LoadSensors(ctx)
	if err != nil {
		return sensocto.Sensor{}, err
	}
	i := slices.IndexFunc(list, func(s sensocto.Sensor) bool { return s.ID == sensorID })
	if i < 0 {
		return sensocto.Sensor{}, fmt.Errorf("there is no such sensor in %s", e.local.config.place())
	}
	sensor := list[i]
	if len(e.cmd.Attributes) == 0 {
		return sensor, nil
	}
	all := sensor.Attributes
	sensor.Attributes = nil
	for _, id := range e.cmd.Attributes {
		i := slices.IndexFunc(all, func(a sensocto.Attribute) bool { return a.ID == id })
		if i < 0 {
			return sensor, fmt.Errorf("the sensor has no attribute %s", id)
		}
		sensor.Attributes = append(sensor.Attributes, all[i])
	}
	return sensor, nil
}

// count returns how many samples will be read, 0 where it is not known.
func (e *localExports) count(ctx context.Context, sensor sensocto.Sensor) (n int64, err error) {
	if e.query.Has("from") || e.query.Has("to") {
		return 0, nil
	}
	list, err := e.local.db.Series(ctx)
	for _, info := range list {
		if info.SensorID == sensor.ID && slices.ContainsFunc(sensor.Attributes, func(a sensocto.Attribute) bool { return a.ID == info.AttributeID }) {
			n += info.Samples
		}
	}
	return n, err
}

// serverExports asks a server.
type serverExports struct {
	flags remoteFlags
	query url.Values
	bar   *bar
}

func (e *serverExports) sensors(ctx context.Context) (ids []string, err error) {
	all, err := e.flags.sensors(ctx)
	if err != nil {
		return nil, err
	}
	for _, text := range all {
		s, err := client.ParseSensor(text)
		if err != nil {
			return nil, err
		}
		ids = append(ids, s.ID)
	}
	return ids, nil
}

func (e *serverExports) export(ctx context.Context, sensorID string, out io.Writer) ([]string, error) {
	resp, err := e.flags.send(ctx, http.MethodGet, "/api/v1/sensors/"+url.PathEscape(sensorID)+"/export?"+e.query.Encode())
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	defer e.bar.finish()
	body := &countingReader{in: resp.Body, seen: func(n int64) { e.bar.show(n, 0) }}
	if _, err := io.Copy(out, body); err != nil {
		return nil, fmt.Errorf("the server ended the export early, see its log: %w", err)
	}
	return resp.Header.Values("Sensocto-Note"), nil
}
