package outbound

import "github.com/sensocto/sensocto"

// kind tells what may happen to an item when the queue overflows.
type kind uint8

const (
	control  kind = iota // never dropped; overflow ends the connection
	data                 // a whole frame of measurements, may be merged
	fragment             // a sensor's part of a sensor_batch, may be merged
)

// item is one thing that waits to be sent.
type item struct {
	frame  []byte          // whole WebSocket frames, or the bytes of a fragment
	ch     *Channel        // whose it is, nil for the connection's own
	batch  *sensocto.Batch // the measurements, where there are any:
	digest *digest         // as they came, or merged by a window
	feed   *Feed           // of measurements
	kind   kind
	answer bool // it was queued when it fitted
}

// samples is how many measurements the item brings.
func (it *item) samples() int {
	switch {
	case it.batch != nil:
		return len(it.batch.Measurements)
	case it.digest != nil:
		return int(it.digest.samples)
	}
	return 0
}

// maxPooledItems keeps what one busy connection needed from staying in memory for
// ever.
const maxPooledItems = 4096

// queue holds items in order; those before head are gone.
type queue struct {
	items []item
	head  int
}
