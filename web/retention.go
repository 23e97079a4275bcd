package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

type retentionView struct {
	Time   timestamp  `json:"time" doc:"When this was found out."`
	Series []agedView `json:"series" nullable:"false" doc:"Attributes that have something older than it is kept, sorted."`
}

type agedView struct {
	SensorID    string        `json:"sensor_id"`
	AttributeID string        `json:"attribute_id"`
	Raw         agedTotalView `json:"raw" doc:"Measurements that are no longer kept."`
	Rollups     agedTotalView `json:"rollups" doc:"Their statistics, which may be kept longer."`
}

type agedTotalView struct {
	Keep         string     `json:"keep" example:"30d" doc:"How long they are kept; forever where nothing goes."`
	Before       *timestamp `json:"before" nullable:"true" doc:"What is older goes; null where nothing does."`
	Chunks       int64      `json:"chunks" doc:"Chunks that go."`
	Measurements int64      `json:"measurements" doc:"Measurements in them."`
	Bytes        int64      `json:"bytes" doc:"Their size, about."`
}

func (s *server) registerRetention() {
	op := s.operation("plan-retention", http.MethodGet, retentionPath, sensocto.ScopeAdmin, "Operation", "See what retention would remove now")
	op.Description = "What is older than it is kept, by attribute. The server removes it by itself within minutes; rules are in its configuration. Nothing is changed by asking."
	huma.Register(s.api, op, s.retention)
	op = s.operation("apply-retention", http.MethodPost, retentionPath, sensocto.ScopeAdmin, "Operation", "Remove now what retention no longer keeps")
	op.Description = "Removes what is older than it is kept, also while the server holds retention because its clock jumped or because much would go. Ask what that is before: it cannot be undone."
	huma.Register(s.api, op, s.applyRetention)
}

type retentionAnswer struct{ Body retentionView }

func (s *server) retention(ctx context.Context, _ *struct{}) (*retentionAnswer, error) {
	if s.Retention == nil {
		return nil, problem(http.StatusNotFound, "this server removes nothing by itself")
	}
	list, err := s.Retention(ctx, time.Now())
	if err != nil {
		return nil, s.translate(err, "plan retention", "")
	}
	return retentionOf(list), nil
}

func (s *server) applyRetention(ctx context.Context, _ *struct{}) (*retentionAnswer, error) {
	if s.ApplyRetention == nil {
		return nil, problem(http.StatusNotFound, "this server removes nothing by itself")
	}
	list, err := s.ApplyRetention(ctx)
	if err != nil {
		return nil, s.translate(err, "apply retention", "")
	}
	s.record(ctx, sensocto.AuditRetentionApplied, "", fmt.Sprintf("%d series", len(list)))
	return retentionOf(list), nil
}

func retentionOf(list []sensocto.Aged) *retentionAnswer {
	now := time.Now()
	view := retentionView{Time: timestamp(now.UnixMicro()), Series: make([]agedView, len(list))}
	for i, a := range list {
		view.Series[i] = agedView{
			SensorID: a.SensorID, AttributeID: a.AttributeID,
			Raw:     agedTotal(a.Keep.Raw, a.RawBefore, a.Raw),
			Rollups: agedTotal(a.Keep.Rollups, a.RollupsBefore, a.Rollups),
		}
	}
	return &retentionAnswer{view}
}

func agedTotal(keep time.Duration, before int64, d sensocto.DroppedChunks) agedTotalView {
	v := agedTotalView{Keep: sensocto.FormatAge(keep), Chunks: d.Chunks, Measurements: d.Samples, Bytes: d.Bytes}
	if keep != sensocto.Forever {
		ts := timestamp(before)
		v.Before = &ts
	}
	return v
}
