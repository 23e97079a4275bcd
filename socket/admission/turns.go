package admission

import "context"

// Turns lets only so many do something at a time; its capacity is how many.
type Turns chan struct{}

// Take waits for a turn, which leave gives back. It returns the cause where ctx ends
// before.
func (t Turns) Take(ctx context.Context) (leave func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
