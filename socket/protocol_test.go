package socket_test

import (
	"testing"
)

func TestSocket_Frames(t *testing.T) {
	for _, tt := range []struct{ name, query, script string }{
		{"heartbeat V2", "vsn=2.0.0", `
			> [null,"7","phoenix","heartbeat",{}]
			< [null,"7","phoenix","phx_reply",{"status":"ok","response":{}}]`},
		{"heartbeat V1", "", `
			> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}
			< {"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"7"}`},
		{"V1 by name", "vsn=1.0.0&x=y", `
			> {"topic":"sensors:status","event":"phx_join","payload":{"bearer_token":"view"},"ref":1}
			< {"topic":"sensors:status","event":"phx_reply","payload":{"status":"ok","response":{"online":[]}},"ref":1}
			> {"topic":"sensors:status","event":"phx_leave","payload":{},"ref":2}
			< {"topic":"sensors:status","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":2}
			< {"topic":"sensors:status","event":"phx_close","payload":{},"ref":1}`},
		{"numeric and odd refs", "vsn=2.0.0", `
			> ["a\u0041",12.50,"phoenix","heartbeat",{}]
			< ["a\u0041",12.50,"phoenix","phx_reply",{"status":"ok","response":{}}]`},
		{"unknown topics", "vsn=2.0.0&token=admin", `
			> ["1","1","nope:x","phx_join",{}]
			< ["1","1","nope:x","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]
			> [null,"2","data:s","attention",{"level":"low"}]
			< [null,"2","data:s","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`},
		{"leave of what is not joined", "vsn=2.0.0", `
			> ["4","9","data:s","phx_leave",{}]
			< ["4","9","data:s","phx_reply",{"status":"ok","response":{}}]
			< ["4","4","data:s","phx_close",{}]`},
		{"leave, stale and right", "vsn=2.0.0&token=view", `
			> ["1","1","viewer:x","phx_join",{}]
			< ["1","1","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["0","2","viewer:x","phx_leave",{}]
			< ["0","2","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","viewer:x","battery",{"level":0.5,"charging":true}]
			< ["1","3","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1","4","viewer:x","phx_leave",{}]
			< ["1","4","viewer:x","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","viewer:x","phx_close",{}]
			> ["1","5","viewer:x","battery",{}]
			< ["1","5","viewer:x","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`},
		{"second join replaces the first", "vsn=2.0.0&token=view", `
			> ["1","1","signal:s","phx_join",{}]
			< ["1","1","signal:s","phx_reply",{"status":"ok","response":{"sensor":{"sensor_id":"s",…
			> ["2","2","signal:s","phx_join",{}]
			< ["1","1","signal:s","phx_close",{}]
			< ["2","2","signal:s","phx_reply",{"status":"ok",…`},
		{"unknown event", "vsn=2.0.0&token=view", `
			> ["1","1","viewer:x","phx_join",{}]
			< ["1","1","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1",null,"viewer:x","dance",{}]
			> ["1","2","viewer:x","dance",[1]]
			< ["1","2","viewer:x","phx_reply",{"status":"error","response":{"reason":"unknown event"}}]`},
		{"malformed payload closes nothing", "vsn=2.0.0&token=view", `
			> ["1","1","viewer:x","phx_join","no"]
			< ["1","1","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]
			> ["1","1","data:s","phx_join",{"attention":"extreme"}]
			< ["1","1","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_level"}}]
			> ["1","1","data:s s","phx_join",{}]
			< ["1","1","data:s s","phx_reply",{"status":"error","response":{"reason":"invalid_sensor_id"}}]
			> ["1","1","data:s","phx_join",{}]
			< ["1","1","data:s","phx_reply",{"status":"ok","response":{"sensor":{"sensor_id":"s","sensor_name":"","sensor_type":"","connector_id":"","connector_name":"","activity_status":"unknown","sampling_rate":0,"attributes":[]},"history":{}}}]
			> ["1","2","data:s","attention",{"level":7}]
			< ["1","2","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_level"}}]
			> ["1","3","data:s","visibility_changed",[]]
			< ["1","3","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]
			> ["1","4","data:s","visibility_changed",{"visible":false}]
			< ["1","4","data:s","phx_reply",{"status":"ok","response":{}}]
			> ["1","5","data:s","command",{"x":1}]
			< ["1","5","data:s","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`},
		{"viewer", "vsn=2.0.0&token=view", `
			> ["1","1","viewer:x","phx_join",{}]
			< ["1","1","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1","2","viewer:x","watch",{"sensor_ids":["a","b b"],"level":"low"}]
			< ["1","2","viewer:x","phx_reply",{"status":"ok","response":{"sensors":[{"sensor_id":"a","sensor_name":"","sensor_type":"","connector_id":"","connector_name":"","activity_status":"unknown","sampling_rate":0,"attributes":[]}],"refused":["b b"]}}]
			> ["1","3","viewer:x","attention",{"levels":{"a":"high","zz":"low"}}]
			< ["1","3","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1","4","viewer:x","attention",{"levels":{"a":"huge"}}]
			< ["1","4","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_level"}}]
			> ["1","5","viewer:x","unwatch",{"sensor_ids":["a"]}]
			< ["1","5","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["1","6","viewer:x","watch",{"sensor_ids":"a"}]
			< ["1","6","viewer:x","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]`},
		{"connector", "vsn=2.0.0", `
			> ["1","1","sensocto:connector:c1","phx_join",{"connector_id":"c1","connector_name":"C","connector_type":"web","features":[],"bearer_token":"ingest"}]
			< ["1","1","sensocto:connector:c1","phx_reply",{"status":"ok","response":{}}]
			> ["1","2","sensocto:connector:c1","update_connector",{"connector_name":"New"}]
			< ["1","2","sensocto:connector:c1","phx_reply",{"status":"ok","response":{"connector_name":"New"}}]
			> ["1","3","sensocto:connector:c1","update_connector",{"connector_name":""}]
			< ["1","3","sensocto:connector:c1","phx_reply",{"status":"error","response":{"reason":"invalid_connector_name"}}]
			> ["2","4","sensocto:connector:c2","phx_join",{"connector_id":"c1","bearer_token":"ingest"}]
			< ["2","4","sensocto:connector:c2","phx_reply",{"status":"error","response":{"reason":"invalid_connector_id"}}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newWorld(t).dial(tt.query)
			c.script(tt.script)
		})
	}
}

func TestSocket_Identity(t *testing.T) {
	for _, tt := range []struct{ name, query, script string }{
		{"no credential", "vsn=2.0.0", `
			> ["1","1","viewer:x","phx_join",{"bearer_token":""}]
			< ["1","1","viewer:x","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`},
		{"bad at connect, good at join", "vsn=2.0.0&token=bad", `
			> ["1","1","viewer:x","phx_join",{}]
			< ["1","1","viewer:x","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
			> ["1","2","viewer:x","phx_join",{"token":"view"}]
			< ["1","2","viewer:x","phx_reply",{"status":"ok","response":{}}]`},
		{"a later join may not change it", "vsn=2.0.0", `
			> ["1","1","viewer:x","phx_join",{"token":"view"}]
			< ["1","1","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","viewer:y","phx_join",{"token":"view2"}]
			< ["2","2","viewer:y","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
			> ["3","3","viewer:z","phx_join",{}]
			< ["3","3","viewer:z","phx_reply",{"status":"ok","response":{}}]`},
		{"user_id", "vsn=2.0.0&token=view", `
			> ["1","1","viewer:x","phx_join",{"user_id":"id-view"}]
			< ["1","1","viewer:x","phx_reply",{"status":"ok","response":{}}]
			> ["2","2","viewer:y","phx_join",{"user_id":"id-admin"}]
			< ["2","2","viewer:y","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`},
		{"rights", "vsn=2.0.0&token=ingest", `
			> ["1","1","viewer:x","phx_join",{}]
			< ["1","1","viewer:x","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]
			> ["2","2","sensocto:sensor:s","phx_join",{"sensor_type":"receiver"}]
			< ["2","2","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`},
		{"rights of a viewer", "vsn=2.0.0&token=view", `
			> ["1","1","sensocto:sensor:s","phx_join",{}]
			< ["1","1","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`},
	} {
		t.Run(tt.name, func(t *testing.T) { newWorld(t).dial(tt.query).script(tt.script) })
	}
}

func TestSocket_ClosesOnMalformedFrames(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		binary      bool
		frame       string
		code        int
	}{
		{"no JSON", "vsn=2.0.0", false, `hello`, 1007},
		{"truncated", "vsn=2.0.0", false, `["1","1","viewer:x","phx_join",{`, 1007},
		{"bad payload of a heartbeat", "vsn=2.0.0", false, `[null,"1","phoenix","heartbeat",{]`, 1007},
		{"bad payload of a join", "vsn=2.0.0", false, `["1","1","viewer:x","phx_join",{"a":NaN}]`, 1007},
		{"bad payload, unknown event", "vsn=2.0.0&token=view", false, `[null,"1","viewer:x","nope",{"a":01}]`, 1007},
		{"bad UTF-8 in the topic", "vsn=2.0.0", false, "[null,\"1\",\"\xff\",\"heartbeat\",{}]", 1007},
		{"bad UTF-8 in the payload", "vsn=2.0.0", false, "[null,\"1\",\"phoenix\",\"heartbeat\",{\"a\":\"\xff\"}]", 1007},
		{"six parts", "vsn=2.0.0", false, `[null,"1","phoenix","heartbeat",{},{}]`, 1003},
		{"four parts", "vsn=2.0.0", false, `[null,"1","phoenix","heartbeat"]`, 1003},
		{"object on V2", "vsn=2.0.0", false, `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`, 1003},
		{"array on V1", "", false, `[null,"1","phoenix","heartbeat",{}]`, 1003},
		{"number as topic", "vsn=2.0.0", false, `[null,"1",5,"heartbeat",{}]`, 1003},
		{"no payload on V1", "", false, `{"topic":"phoenix","event":"heartbeat","ref":"1"}`, 1003},
		{"binary of a wrong kind", "vsn=2.0.0", true, "\x02\x00\x00", 1003},
		{"empty binary", "vsn=2.0.0", true, "", 1003},
		{"empty text", "vsn=2.0.0", false, "", 1007},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newWorld(t).dial(tt.query)
			op := 1
			if tt.binary {
				op = 2
			}
			if err := c.ws.WriteMessage(op, []byte(tt.frame)); err != nil {
				t.Fatal(err)
			}
			c.expectClose(tt.code, "malformed_frame")
		})
	}
}
