package call_test

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
)

type mute struct{}

func (mute) Send(string, []byte) {}
func (mute) End()                {}

// A peer joins a call of three, and describes itself to all of them with a dozen
// candidates each.
func BenchmarkSignalling(b *testing.B) {
	c := call.New(call.Options{})
	var others []sensocto.CallSeat
	for _, user := range []string{"ada", "eve", "kim"} {
		s, err := c.Join("r1", sensocto.Identity{UserID: user}, mute{})
		if err != nil {
			b.Fatal(err)
		}
		others = append(others, s)
	}
	description := sensocto.SessionDescription{Type: "offer", SDP: string(make([]byte, 5000))}
	candidate := json.RawMessage(`{"candidate":"candidate:1 1 udp 2122260223 192.0.2.1 54321 typ host generation 0","sdpMid":"0","sdpMLineIndex":0}`)
	for b.Loop() {
		s, err := c.Join("r1", sensocto.Identity{UserID: "bob"}, mute{})
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range others {
			if err := s.Describe(o.Reply().PeerID, description); err != nil {
				b.Fatal(err)
			}
			for range 12 {
				if err := s.Candidate(o.Reply().PeerID, candidate); err != nil {
					b.Fatal(err)
				}
			}
		}
		s.Leave()
	}
}

// One packet of media from one peer's allocation to another's, on loopback.
func BenchmarkRelay(b *testing.B) {
	c := call.New(call.Options{})
	openRelay(b, c, func(o *call.RelayOptions) { o.BytesPerSecond = 1e12 })
	pair := func(name string) net.PacketConn {
		p := &phone{}
		seat, err := c.Join("r1", sensocto.Identity{UserID: name}, p)
		if err != nil {
			b.Fatal(err)
		}
		p.CallSeat = seat
		return mustAllocate(b, turnServer(b, p))
	}
	from, to := pair("ada"), pair("bob")
	if !hears(from, to, from.LocalAddr(), "x") && !hears(to, from, to.LocalAddr(), "x") {
		b.Log("no permission yet")
	}
	to.SetReadDeadline(time.Time{})
	packet := make([]byte, 1100)
	buffer := make([]byte, 1500)
	b.SetBytes(int64(len(packet)))
	for b.Loop() {
		if _, err := from.WriteTo(packet, to.LocalAddr()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := to.ReadFrom(buffer); err != nil {
			b.Fatal(err)
		}
	}
}

// The same between eight pairs in eight calls at once.
func BenchmarkRelay_Parallel(b *testing.B) {
	c := call.New(call.Options{})
	openRelay(b, c, func(o *call.RelayOptions) { o.BytesPerSecond = 1e12 })
	pair := func(room, name string) net.PacketConn {
		p := &phone{}
		seat, err := c.Join(room, sensocto.Identity{UserID: name}, p)
		if err != nil {
			b.Fatal(err)
		}
		p.CallSeat = seat
		return mustAllocate(b, turnServer(b, p))
	}
	type ends struct{ from, to net.PacketConn }
	pairs := make(chan ends, 8)
	for i := range 8 {
		room := string(rune('a' + i))
		e := ends{pair(room, "ada"), pair(room, "bob")}
		if !hears(e.from, e.to, e.from.LocalAddr(), "x") && !hears(e.to, e.from, e.to.LocalAddr(), "x") {
			b.Log("no permission yet")
		}
		e.to.SetReadDeadline(time.Time{})
		pairs <- e
	}
	packet := make([]byte, 1100)
	b.SetBytes(int64(len(packet)))
	b.ResetTimer()
	b.SetParallelism(4) // by two processors
	b.RunParallel(func(pb *testing.PB) {
		e := <-pairs
		buffer := make([]byte, 1500)
		for pb.Next() {
			if _, err := e.from.WriteTo(packet, e.to.LocalAddr()); err != nil {
				b.Error(err)
				return
			}
			e.to.SetReadDeadline(time.Now().Add(time.Second))
			if _, _, err := e.to.ReadFrom(buffer); err != nil {
				b.Log(err) // UDP may lose a packet
			}
		}
	})
}
