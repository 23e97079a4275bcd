package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

const apiDescription = `Sensors, what they measured, and commands to them.

Times are Unix time in milliseconds; decimals are microseconds. Parameters take times in RFC 3339, too. Every failure is an RFC 9457 problem.
Send a token as ` + "`Authorization: Bearer …`" + `; what a token may do are its scopes. Live measurements come over
the WebSocket at ` + "`/socket/websocket`" + `, which speaks the protocol of Phoenix channels.`

// routeAPI registers the operations and renders their document.
func (s *server) routeAPI() {
	s.api = humago.New(s.mux, s.config())
	s.registerSensors()
	s.registerMeasurements()
	s.registerNotes()
	s.registerHistory()
	s.registerExport()
	s.registerImport()
	s.registerBackup()
	s.registerRetention()
	s.registerAttention()
	if s.Alerts != nil {
		s.registerAlerts()
	}
	if s.AuditLog != nil {
		s.registerAudit()
	}
	if s.Accounts != nil {
		s.registerUsers()
		s.registerAllSensors()
		s.registerTokens()
		s.registerPerson()
		s.registerMail()
		s.registerDevices()
		s.registerPasskeys()
		s.registerOIDC()
		s.registerRooms()
		s.registerMembers()
		s.registerJoinLink()
		s.registerP2P()
		s.registerRecordings()
		s.registerInvitations()
		s.registerGrants()
	}
	document, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		panic(err) // the document is part of the program
	}
	s.openAPI = document
}

// config is huma's without what it would fetch from elsewhere or add to answers.
func (s *server) config() huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "SensOcto", Version: s.Version, Description: apiDescription},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "A token made with `sensocto token create`."},
				},
			},
			Tags: []*huma.Tag{{Name: "Sensors"}, {Name: "Measurements"}, {Name: "Operation"}},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
	config.AllowAdditionalPropertiesByDefault = true // answers may gain keys within a version
	if s.Accounts != nil {
		schemes := config.Components.SecuritySchemes
		schemes["bearer"].Description = "A token made with `sensocto token create`, or a personal one."
		schemes["session"] = &huma.SecurityScheme{Type: "apiKey", In: "cookie", Name: SessionCookie, Description: "The cookie of a session. By TLS its name begins with __Host-."}
		config.Tags = slices.Insert(config.Tags, 2, &huma.Tag{Name: "People"}, &huma.Tag{Name: "Rooms"}, &huma.Tag{Name: "Alerts"})
	}
	return config
}

// schemaName names a type in the document: sensorView is Sensor there. A sensor
// in a room is as channels show it, which is another type.
func schemaName(t reflect.Type, hint string) string {
	switch t {
	case reflect.TypeFor[sensocto.Sensor](), reflect.TypeFor[sensocto.Attribute](), reflect.TypeFor[sensocto.Sample]():
		return "Channel" + t.Name()
	}
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "View")
}

// operation is what all operations have in common.
func (s *server) operation(id, method, path string, scope sensocto.Scope, tag, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: sensocto.MaxDocumentBytes, BodyReadTimeout: 10 * time.Second,
		Security:    []map[string][]string{{"bearer": {string(scope)}}},
		Middlewares: append(s.require(scope, has(scope)), knownParameters, wholeBody, noStore),
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable},
	}
}

// ownerOperation is operation for what the owner of a sensor may do with it, and
// of the server's own tokens those with the scope admin.
func (s *server) ownerOperation(id, method, path, tag, summary string) huma.Operation {
	op := s.operation(id, method, path, sensocto.ScopeAdmin, tag, summary)
	op.Middlewares[0] = s.require(sensocto.ScopeAdmin, mayOwn)[0]
	return op
}

// knownParameters refuses a query with a parameter that the operation does not
// have: a mistyped one would be overlooked. The token may be there (protocol
// section 2).
func knownParameters(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	for name := range r.URL.Query() {
		known := func(p *huma.Param) bool { return p.In == "query" && p.Name == name }
		if name != "token" && !slices.ContainsFunc(ctx.Operation().Parameters, known) {
			writeProblem(w, http.StatusUnprocessableEntity, "query."+truncate(name, 100)+": there is no such parameter; /api/docs describes them")
			return
		}
	}
	next(ctx)
}

// wholeBody reads the body of a request in chunks before anything else does: one
// that is not well-formed is the client's fault.
func wholeBody(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if len(r.TransferEncoding) == 0 || unbounded(r.URL.Path) {
		next(ctx)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(ctx.Operation().BodyReadTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ctx.Operation().MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(ctx)
	case errors.As(err, &tooLarge):
		writeProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		writeProblem(w, http.StatusRequestTimeout, "the body did not come in time")
	default:
		writeProblem(w, http.StatusBadRequest, "the body cannot be read: "+err.Error())
	}
}

// noStore keeps answers out of caches: they change, and depend on the token.
func noStore(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

// SensorPath is exported because huma overlooks embedded types that are not.
type SensorPath struct {
	SensorID string `path:"id" pattern:"^[A-Za-z0-9._:-]{1,128}$" doc:"The sensor's id." example:"chest-strap-7"`
}

func (s *server) registerSensors() {
	const path = "/api/v1/sensors"
	op := s.operation("list-sensors", http.MethodGet, path, sensocto.ScopeView, "Sensors", "List sensors")
	huma.Register(s.api, op, s.listSensors)

	op = s.operation("get-sensor", http.MethodGet, path+"/{id}", sensocto.ScopeView, "Sensors", "Look at one sensor")
	huma.Register(s.api, op, s.sensor)

	op = s.ownerOperation("change-sensor", http.MethodPatch, path+"/{id}", "Sensors", "Rename a sensor, or hand it over")
	huma.Register(s.api, op, s.changeSensor)

	op = s.ownerOperation("delete-sensor", http.MethodDelete, path+"/{id}", "Sensors", "Delete a sensor with all its measurements")
	op.Description = "Disconnects the sensor's device and removes everything stored of the sensor. It cannot be undone."
	huma.Register(s.api, op, s.deleteSensor)

	op = s.ownerOperation("command-sensor", http.MethodPost, path+"/{id}/command", "Sensors", "Send a command to a sensor's device")
	op.Description = "The body, a JSON object, reaches the device as it is, as the event `device_command`. 409 says that no device is connected."
	op.DefaultStatus = http.StatusAccepted
	op.SkipValidateBody = true // compactObject does
	huma.Register(s.api, op, s.commandSensor)
	// For huma a raw body is binary, whatever the operation says of it.
	s.api.OpenAPI().Paths[op.Path].Post.RequestBody.Content["application/json"].Schema = &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true, Description: "The command.",
	}
}

type sensorsAnswer struct{ Body sensorList }
type sensorAnswer struct{ Body sensorView }

type listSensorsInput struct {
	After string `query:"after" maxLength:"128" doc:"Continue behind this id: next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Most sensors of a page."`
}

func (s *server) listSensors(ctx context.Context, in *listSensorsInput) (*sensorsAnswer, error) {
	visible, err := s.visible(ctx)
	if err != nil {
		return nil, err
	}
	list := sensorList{Sensors: []sensorView{}}
	for _, sensor := range s.Sensors.Sensors() {
		since, sees := visible(sensor.ID)
		if !sees || sensor.ID <= in.After {
			continue
		}
		if len(list.Sensors) == in.Limit { // there is one more
			list.Next = list.Sensors[in.Limit-1].ID
			break
		}
		v := viewOf(sensor.Since(since), s.Sensors.Rates(sensor.ID))
		v.Own = s.own(ctx, sensor.ID)
		list.Sensors = append(list.Sensors, v)
	}
	return &sensorsAnswer{list}, nil
}

func (s *server) sensor(ctx context.Context, in *SensorPath) (*sensorAnswer, error) {
	sensor, rights, err := s.known(ctx, in.SensorID, toView)
	if err != nil {
		return nil, err
	}
	v := viewOf(sensor.Since(rights.LiveSince), s.Sensors.Rates(sensor.ID))
	v.Own = rights.Share
	return &sensorAnswer{v}, nil
}

type changeSensorInput struct {
	SensorPath
	Body struct {
		_     struct{} `additionalProperties:"false"`
		Name  *string  `json:"sensor_name,omitempty" minLength:"1" maxLength:"128" doc:"The new name." example:"Chest strap, left"`
		Owner *string  `json:"owner_id,omitempty" minLength:"1" maxLength:"64" doc:"The user to whom the sensor is handed over, with all its measurements. Whoever hands it over may not see it any more."`
	}
}

func (s *server) changeSensor(ctx context.Context, in *changeSensorInput) (*sensorAnswer, error) {
	if in.Body.Name == nil && in.Body.Owner == nil {
		return nil, problem(http.StatusUnprocessableEntity, "say what to change: sensor_name or owner_id")
	}
	if in.Body.Name != nil {
		if _, _, err := s.known(ctx, in.SensorID, toEdit); err != nil {
			return nil, err
		}
		if err := s.Sensors.Rename(ctx, in.SensorID, *in.Body.Name); err != nil {
			return nil, s.translate(err, "rename", in.SensorID)
		}
		s.record(ctx, sensocto.AuditSensorRenamed, in.SensorID, *in.Body.Name)
	}
	sensor, rights, err := s.known(ctx, in.SensorID, toEdit)
	if err != nil {
		return nil, err
	}
	if in.Body.Owner != nil {
		if err := s.handOver(ctx, in.SensorID, *in.Body.Owner); err != nil {
			return nil, err
		}
	}
	if !rights.Live { // an administrator keeps order, and sees no measurements by that
		for i := range sensor.Attributes {
			sensor.Attributes[i].LastValue = nil
		}
	}
	return &sensorAnswer{viewOf(sensor, s.Sensors.Rates(sensor.ID))}, nil
}

// handOver gives a sensor to a user. Who may share it may give it away; it counts for
// the receiver only where an administrator says so, as nobody asks the receiver.
func (s *server) handOver(ctx context.Context, sensorID, ownerID string) error {
	if s.HandOver == nil {
		return problem(http.StatusNotFound, "this server has no people to hand a sensor to")
	}
	if _, err := s.may(ctx, sensorID, toShare); err != nil {
		return err
	}
	u, err := s.Accounts.User(ctx, ownerID)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return s.personalProblem(err, "look up a user")
	}
	if err != nil || !u.Active(time.Now()) || u.IsGuest {
		return problem(http.StatusUnprocessableEntity, "owner_id: there is no such user, or it is a guest")
	}
	id := identityOf(ctx)
	admin := id.Can(sensocto.ScopeAdmin)
	if !admin && s.Rooms != nil && ownerID != id.OwnerID { // an administrator hands over many at once
		if err := s.Rooms.TakeNotice(id.OwnerID, ownerID); err != nil {
			return s.personalProblem(err, "notify the new owner of a sensor")
		}
	}
	before := s.sensorEvent(sensocto.AuditHandedOver, sensorID)
	if err := s.HandOver(ctx, sensorID, ownerID, admin); err != nil {
		return s.translate(err, "hand over", sensorID)
	}
	s.recordHandOver(ctx, before, ownerID)
	s.notifyReceived(ctx, sensorID, ownerID)
	s.Log.InfoContext(ctx, "sensor handed over", "sensor", sensorID, "from", identityOf(ctx).ID, "to", ownerID)
	return nil
}

// notifyReceived tells the new owner of a sensor, unless the caller is that.
func (s *server) notifyReceived(ctx context.Context, sensorID, ownerID string) {
	by := identityOf(ctx).OwnerID
	if s.Rooms == nil || ownerID == by {
		return
	}
	sensor, _ := s.Sensors.Sensor(sensorID)
	data := map[string]any{"sensor_id": sensorID, "sensor_name": cmp.Or(sensor.Name, sensorID), "by": by}
	if err := s.Rooms.Notify(context.WithoutCancel(ctx), ownerID, "sensor_received", data); err != nil {
		s.Log.WarnContext(ctx, "somebody was not notified", "user", ownerID, "kind", "sensor_received", "err", err)
	}
}

type removedAnswer struct{ Body removedView }

func (s *server) deleteSensor(ctx context.Context, in *SensorPath) (*removedAnswer, error) {
	if _, _, err := s.known(ctx, in.SensorID, toDelete); err != nil {
		return nil, err
	}
	// Half a deletion helps nobody: it goes on when the client hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	e := s.sensorEvent(sensocto.AuditSensorDeleted, in.SensorID) // of the owner, as long as there is one
	removed, err := s.Sensors.Delete(ctx, in.SensorID)
	if err != nil {
		return nil, s.translate(err, "delete", in.SensorID)
	}
	e.Detail = fmt.Sprintf("%d samples", removed.Samples)
	s.Audit.Record(ctx, e)
	return &removedAnswer{removedView{removed.Series, removed.Samples}}, nil
}

type commandInput struct {
	SensorPath
	// RawBody is what is sent on: numbers keep their digits, keys their order.
	RawBody []byte `contentType:"application/json"`
}

func (s *server) commandSensor(ctx context.Context, in *commandInput) (*struct{}, error) {
	if _, _, err := s.known(ctx, in.SensorID, toCommand); err != nil {
		return nil, err
	}
	command, err := compactObject(in.RawBody)
	if err != nil {
		return nil, err
	}
	if err := s.Sensors.Command(ctx, in.SensorID, command); err != nil {
		return nil, s.translate(err, "command", in.SensorID)
	}
	s.record(ctx, sensocto.AuditCommanded, in.SensorID, "")
	return nil, nil
}
