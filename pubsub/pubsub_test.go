package pubsub_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/pubsub/pubsubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLocal(t *testing.T) {
	pubsubtest.Run(t, func(*testing.T) sensocto.PubSub { return pubsub.New() })
}

type counter struct{ n int }

func (c *counter) Deliver(*sensocto.Message) { c.n++ }

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1, 100, 500, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", n), func(b *testing.B) {
			ps := pubsub.New()
			for range n {
				ps.Subscribe("data:a", &counter{})
			}
			m := &sensocto.Message{Topic: "data:a"}
			b.ReportAllocs()
			for b.Loop() {
				ps.Publish(m)
			}
		})
	}
}
