package web

import (
	"encoding/json"
	"net/http"
)

// routeOperations serves what operators and their monitoring ask for.
func (s *server) routeOperations() {
	s.mux.HandleFunc("GET /healthz", s.health) // tells nothing but that the program answers
	s.mux.HandleFunc("GET /readyz", s.operatorOnly(s.ready))
	s.mux.HandleFunc("GET /metrics", s.metricsOnly(s.metricsHandler().ServeHTTP))
	s.mux.HandleFunc("GET /api/openapi.json", s.viewersOnly(s.document))
}

// health says that the program runs and answers.
func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w, "ok", "")
}

// ready says whether the program can do its work.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.Ready(); err != nil {
		writeProblem(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	writeStatus(w, "ready", s.Progress())
}

func writeStatus(w http.ResponseWriter, status, progress string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(struct {
		Status   string `json:"status"`
		Progress string `json:"progress,omitempty"`
	}{status, progress})
}

func (s *server) document(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openapi+json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(s.openAPI)
}
