// Package store keeps the samples of all sensors in tiers: the newest as they
// came (hot), the last minutes in compressed chunks in memory (warm), everything
// in compressed chunks in a database (cold); and before them all a journal.
//
// It promises:
//
//   - A sample that Put took is read at once, and from then on exactly once,
//     wherever it lies meanwhile; series are ordered by timestamp and, where
//     that is equal, by arrival. Late samples and equal timestamps are kept.
//   - Put does no I/O, waits for nobody but readers and writers of the same
//     sensor and, where the journal's memory is full, for that; it allocates
//     nothing once a series has its size.
//   - What Durable confirmed survives the process, and the power.
//   - Samples reach the cold tier within a second, in few transactions for all
//     series. A flush that fails is tried again for as long as the process
//     lives, and what waits for it is kept, up to a bound; at the bound Put
//     refuses whole batches with sensocto.ErrUnavailable. Nothing taken is
//     dropped.
//   - A batch of a stream is taken once, also over restarts; a gap is told.
//   - No lock is held while the cold tier or the journal works.
//
// It does not validate (package sensor does), and never deletes anything but in
// Cleanup and by the rules of a Retainer. What a process takes down with it when
// it is killed is what nobody waited for in Durable: at most the last hundredths
// of a second (docs/storage.md).
package store
