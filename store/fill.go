package store

// Fill says how full the queue before the cold tier is: at 1, Put refuses.
func (s *Store) Fill() float64 {
	return float64(s.unflushed.Load()) / float64(s.options.MaxUnflushedBytes)
}
