package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

const problemType = "application/problem+json"

// writeProblem answers with an RFC 9457 problem.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeBody(w, status, problem(status, detail))
}

// writeReasoned is writeProblem with a word for programs.
func writeReasoned(w http.ResponseWriter, p *reasoned) { writeBody(w, p.Status, p) }

func writeBody(w http.ResponseWriter, status int, problem any) {
	body, _ := json.Marshal(problem) // strings and numbers: cannot fail
	h := w.Header()
	for _, meantForSuccess := range []string{"Content-Length", "Etag", "Last-Modified", "Link"} {
		h.Del(meantForSuccess)
	}
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

func problem(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}
}

// invalid says what is wrong with one parameter.
func invalid(location, value, message string) error {
	p := problem(http.StatusUnprocessableEntity, location+": "+message)
	p.Errors = []*huma.ErrorDetail{{Location: location, Value: truncate(value, 100), Message: message}}
	return p
}

func truncate(s string, n int) string { return s[:min(len(s), n)] }

// translate is the one place where errors of the domain become HTTP. What is a
// fault of the program is logged, and its text kept from the client.
func (s *server) translate(err error, doing string, sensorID string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return problem(http.StatusServiceUnavailable, "this took too long: try again, or ask for less")
	}
	e, ok := errors.AsType[*sensocto.Error](err)
	if !ok {
		if !errors.Is(err, context.Canceled) {
			s.Log.Error("request failed", "doing", doing, "sensor", sensorID, "err", err)
		}
		return problem(http.StatusInternalServerError, "the server has a fault: see its log")
	}
	return problem(statusOf(e.Code), e.Error())
}

func statusOf(code sensocto.Code) int {
	switch code {
	case sensocto.CodeConflict:
		return http.StatusConflict
	case sensocto.CodeInvalid:
		return http.StatusUnprocessableEntity
	case sensocto.CodeNotFound:
		return http.StatusNotFound
	case sensocto.CodeUnauthorized:
		return http.StatusForbidden
	case sensocto.CodeRateLimited:
		return http.StatusTooManyRequests
	case sensocto.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
