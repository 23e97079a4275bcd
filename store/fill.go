package store

// Fill says how full the journal and the queue before the cold tier are: at 1,
// Put refuses.
func (s *Store) Fill() float64 {
	if s.journal != nil {
		journal := float64(s.journal.Size()) / float64(s.options.JournalBytes)
		return max(journal, float64(s.unflushed.Load())/float64(s.options.MaxUnflushedBytes))
	}
	return float64(s.unflushed.Load()) / float64(s.options.MaxUnflushedBytes)
}
