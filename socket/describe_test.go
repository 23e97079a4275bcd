package socket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/socket"
)

// A join is read up to the limit of attributes, whatever form they have, and
// ids that come again cost nothing.
func TestDevice_AJoinStopsAtTheLimitOfAttributes(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Attributes = 1000 })
	many := func(n int, form string, distinct int) string {
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(form, fmt.Sprintf("%x", i%distinct))
		}
		return strings.Join(items, ",")
	}
	for name, text := range map[string]string{
		"strings": "[" + many(130_000, `"%s"`, 130_000) + "]",
		"map":     "{" + many(90_000, `"%s":1`, 90_000) + "}",
	} {
		c := w.dial("vsn=2.0.0&token=ingest")
		c.send(`["1","1","sensocto:sensor:s","phx_join",{"attributes":` + text + `}]`)
		c.expect(`["1","1","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"too_many_attributes"}}]`)
		if _, known := w.reg.Sensor("s"); known {
			t.Errorf("%s: the sensor is known", name)
		}
	}
	c := w.dial("vsn=2.0.0&token=ingest")
	c.send(`["1","1","sensocto:sensor:s","phx_join",{"attributes":[` + many(130_000, `"%s"`, 1000) + `]}]`)
	c.expect(`["1","1","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]`)
}

func TestDevice_TextsThatDescribeAreChecked(t *testing.T) {
	w := newWorld(t)
	for params, reason := range map[string]string{
		`"sensor_name":"` + strings.Repeat("x", 129) + `"`:              "invalid_sensor_name",
		`"sensor_type":"a\u0000b"`:                                      "invalid_sensor_type",
		`"connector_name":"\u001b[2J"`:                                  "invalid_connector_name",
		`"attributes":[{"id":"a","unit":"\u009b2J"}]`:                   "invalid_unit",
		`"attributes":{"a":{"attribute_name":"\u202egnp.exe"}}`:         "invalid_attribute_name",
		`"attributes":[{"attribute_id":"a","attribute_type":"\u0007"}]`: "invalid_attribute_type",
	} {
		c := w.dial("vsn=2.0.0&token=ingest")
		c.send(`["1","1","sensocto:sensor:s","phx_join",{` + params + `}]`)
		c.expect(`["1","1","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"` + reason + `"}}]`)
	}
	c := w.dial("vsn=2.0.0&token=ingest")
	c.send(`["1","1","sensocto:connector:c","phx_join",{"connector_type":"` + strings.Repeat("x", 1<<19) + `"}]`)
	c.expect(`["1","1","sensocto:connector:c","phx_reply",{"status":"error","response":{"reason":"invalid_connector_type"}}]`)
}

// A rate that no float can hold is none: it would have no JSON form.
func TestDevice_ASamplingRateIsFinite(t *testing.T) {
	w := newWorld(t)
	c := w.dial("vsn=2.0.0&token=ingest")
	c.send(`["1","1","sensocto:sensor:s","phx_join",{"sampling_rate":1e999,"attributes":[{"id":"a","sampling_rate":1e999}]}]`)
	c.expect(`["1","1","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]`)
	s, _ := w.reg.Sensor("s")
	if s.SamplingRate != 0 || s.Attributes[0].SamplingRate != 0 {
		t.Errorf("rates %v and %v", s.SamplingRate, s.Attributes[0].SamplingRate)
	}
}
