package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

type noted struct {
	Timestamp float64
	Payload   map[string]any
}

// A note is a measurement of the sensor, in its time, whether a device is
// connected or not.
func TestNotes_AreMeasurements(t *testing.T) {
	p := newPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	ada.bring("strap").Close()
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, `{}`)
	first := decode[noted](t, ada.asks(201, "POST", "/sensors/strap/notes", `{"text":"stood up","timestamp":1767225600000.125,"duration":2.5}`).Body)
	if first.Timestamp != 1767225600000.125 || first.Payload["text"] != "stood up" || first.Payload["by"] != "ada" || first.Payload["duration"] != 2.5 {
		t.Errorf("%+v", first)
	}
	now := decode[noted](t, ada.asks(201, "POST", "/sensors/strap/notes", `{"text":"sat down"}`).Body)
	if now.Timestamp <= first.Timestamp {
		t.Errorf("%+v", now)
	}
	page := ada.asks(200, "GET", "/sensors/strap/attributes/annotations/measurements", "").Body.String()
	if up, down := strings.Index(page, "stood up"), strings.Index(page, "sat down"); up < 0 || down < up {
		t.Error(page)
	}

	id := fmt.Sprint(first.Payload["id"])
	ada.asks(204, "DELETE", "/sensors/strap/notes/"+id+"?timestamp=1767225600000.125", "")
	ada.asks(422, "DELETE", "/sensors/strap/notes/"+id, "")
	if again := decode[noted](t, ada.asks(201, "POST", "/sensors/strap/notes", `{"id":"`+id+`","text":"stood up","timestamp":1767225600000.125}`).Body); again.Payload["id"] != id {
		t.Errorf("%+v", again)
	}
	page = ada.asks(200, "GET", "/sensors/strap/attributes/annotations/measurements?to=1767225600001", "").Body.String()
	if strings.Count(page, id) != 3 || !strings.Contains(page, `{"id":"`+id+`","removed":true,"by":"ada"}`) {
		t.Error(page)
	}

	bob.asks(403, "DELETE", "/sensors/strap/notes/"+id+"?timestamp=1767225600000.125", "")
	bob.asks(403, "POST", "/sensors/strap/notes", `{"text":"mine"}`)
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, `{"control":true}`)
	bob.asks(201, "POST", "/sensors/strap/notes", `{"text":"looks well"}`)

	// Undone as it was, by another one: it is still ada's.
	restore := func(body string) any {
		bob.asks(204, "DELETE", "/sensors/strap/notes/"+id+"?timestamp=1767225600000.125", "")
		return decode[noted](t, bob.asks(201, "POST", "/sensors/strap/notes", `{"id":"`+id+`","timestamp":1767225600000.125,`+body+`}`).Body).Payload["by"]
	}
	if by := restore(`"text":"stood up"`); by != "ada" {
		t.Errorf("restored by %v", by)
	}
	if by := restore(`"text":"fell"`); by != "bob" {
		t.Errorf("bob's words by %v", by)
	}
	over := decode[noted](t, ada.asks(201, "POST", "/sensors/strap/notes", `{"id":"`+id+`","text":"fell","timestamp":1767225600000.125}`).Body)
	if over.Payload["by"] != "ada" {
		t.Errorf("not removed, so not restored: %+v", over)
	}

	for _, refused := range []string{`{"text":""}`, `{}`, `{"text":"` + strings.Repeat("x", 2001) + `"}`, `{"text":"x","duration":-1}`, `{"text":"x","timestamp":1}`, `{"text":"x","timestamp":9e14}`, `{"text":"x","by":"eve"}`} {
		if answer := ada.asks(422, "POST", "/sensors/strap/notes", refused); !json.Valid(answer.Body.Bytes()) {
			t.Error(answer.Body)
		}
	}
	ada.asks(404, "POST", "/sensors/none/notes", `{"text":"x"}`)
}

// The operator's tokens have no user: their notes have no name.
func TestNotes_OfTheOperator(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "strap")
	push(t, link, "ecg", sensocto.Sample{Timestamp: 1767225600000000, Value: 1})
	answer := w.do(call{method: "POST", path: "/api/v1/sensors/strap/notes", token: w.admin, body: `{"text":"calibrated"}`})
	if n := decode[noted](t, answer.Body); answer.Code != 201 || n.Payload["text"] != "calibrated" || n.Payload["by"] != nil {
		t.Errorf("%d %+v", answer.Code, n)
	}
}
