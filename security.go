package sensocto

import "strings"

// SecurityEvent names a kind of refusal in the security log.
type SecurityEvent string

// The events of the security log.
const (
	SecuritySignInRefused    SecurityEvent = "sign_in_refused"
	SecurityRightRefused     SecurityEvent = "right_refused"
	SecurityLimitReached     SecurityEvent = "limit_reached"
	SecurityCrossSiteRefused SecurityEvent = "cross_site_refused"
	SecurityMalformedInput   SecurityEvent = "malformed_input"
)

// Refusal is something that the server refused. Fields that do not apply are
// empty. It holds no secret, no value of a measurement, and no text that may be a
// mistyped password, such as an e-mail address that nobody has.
type Refusal struct {
	Event    SecurityEvent
	Reason   string   // snake_case
	Identity Identity // who asked; the zero value where nobody knows
	UserID   string   // whose account it is about, if not the asker's
	Address  string   // of the asker's network, with or without a port
	Action   string   // what was asked for, such as "GET /api/v1/sensors/{id}" or "join data"
	Target   string   // the id of the sensor or room that it was asked of
}

// SecurityLog writes what was refused, for operators.
type SecurityLog interface {
	// Refused notes a refusal. It never blocks; how many lines one address can
	// cause is bounded.
	Refused(r Refusal)
}

// NoSecurityLog is a SecurityLog that writes nothing.
type NoSecurityLog struct{}

// Refused implements SecurityLog.
func (NoSecurityLog) Refused(Refusal) {}

// SecurityEventOf returns the event that an error stands for: a right that is
// missing, or a limit that is reached. It reports false for any other error.
func SecurityEventOf(err error) (e SecurityEvent, ok bool) {
	reason := ErrorReason(err)
	switch {
	case ErrorCode(err) == CodeUnauthorized:
		return SecurityRightRefused, true
	case ErrorCode(err) == CodeRateLimited, strings.HasPrefix(reason, "too_many_"), strings.HasSuffix(reason, "_quota"):
		return SecurityLimitReached, true
	}
	return "", false
}
