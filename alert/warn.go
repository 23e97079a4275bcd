package alert

import (
	"context"
	"fmt"
	"slices"

	"github.com/sensocto/sensocto"
)

// warn returns, for people, what of a rule cannot work as it is now. It is no
// error: a colleague may get the right later, and an attribute may come.
func (a *Alerts) warn(ctx context.Context, r sensocto.AlertRule) (warnings []string, err error) {
	for _, userID := range r.Notify {
		u, sees, err := a.sees(ctx, userID, r.SensorID)
		switch {
		case err != nil:
			return nil, err
		case u.ID == "":
			warnings = append(warnings, fmt.Sprintf("there is no user %s: nobody is told in that name", userID))
		case !sees:
			warnings = append(warnings, fmt.Sprintf("%s may not see the sensor, and is not told until that changes", userID))
		case r.Email && u.ProvenEmail() == "":
			warnings = append(warnings, fmt.Sprintf("%s has no confirmed e-mail address, and gets no mail", userID))
		}
	}
	if s, known := a.options.Sensor(r.SensorID); known && r.AttributeID != "" && !slices.ContainsFunc(s.Attributes, func(x sensocto.Attribute) bool { return x.ID == r.AttributeID }) {
		warnings = append(warnings, fmt.Sprintf("the sensor has no attribute %s so far", r.AttributeID))
	}
	return warnings, nil
}
