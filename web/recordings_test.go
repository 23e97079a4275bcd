package web_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// A recording is one archive, with what each who downloads it may export.
func TestRecordings_OneArchive(t *testing.T) {
	p := newPeople(t)
	ada, bob, eve := p.signUp("ada"), p.signUp("bob"), p.signUp("eve")
	ada.bring("strap")
	bob.bring("belt")
	room := decode[struct {
		ID   string
		Code string `json:"join_code"`
	}](t, ada.asks(201, "POST", "/rooms", `{"name":"Lab"}`).Body)
	bob.asks(200, "POST", "/rooms/join", `{"code":"`+room.Code+`"}`)
	ada.asks(204, "PUT", "/rooms/"+room.ID+"/sensors/strap", `{}`)
	path := "/rooms/" + room.ID + "/recordings"
	bob.asks(403, "POST", path, `{}`) // a member does not record
	recording := decode[struct{ ID string }](t, ada.asks(201, "POST", path, `{"name":"night"}`).Body).ID
	p.wantReason(ada.asks(409, "POST", path, ``), "recording_already")
	bob.asks(204, "PUT", "/rooms/"+room.ID+"/sensors/belt", `{}`)
	ada.asks(404, "DELETE", path+"/"+recording, "") // it goes on
	stopped := ada.asks(200, "POST", path+"/"+recording+"/stop", "").Body.String()
	if !strings.Contains(stopped, `"sensor_ids":["strap","belt"]`) || strings.Contains(stopped, `"ended_at":null`) {
		t.Error(stopped)
	}
	if list := bob.asks(200, "GET", path, "").Body.String(); !strings.Contains(list, recording) {
		t.Error(list)
	}
	eve.asks(404, "GET", path+"/"+recording+"/export", "")

	ada.asks(204, "DELETE", "/rooms/"+room.ID+"/sensors/strap", "") // bob may not export it any more
	entries := archive(t, bob.asks(200, "GET", path+"/"+recording+"/export", "").Body.Bytes())
	var manifest struct {
		Name    string
		Files   map[string]string
		LeftOut map[string]string `json:"left_out"`
	}
	if err := json.Unmarshal([]byte(entries["recording.json"]), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name != "night" || manifest.LeftOut["strap"] == "" || entries[manifest.Files["belt"]] != "samples of belt" || len(entries) != 2 {
		t.Errorf("%+v %v", manifest, entries)
	}
	ada.asks(204, "DELETE", path+"/"+recording, "")
	ada.asks(404, "GET", path+"/"+recording+"/export", "")
}
