// Package store keeps the samples of all sensors in tiers: the newest in
// memory (hot), everything on disk (cold). The warm tier and the journal have
// their place between the two.
//
// It promises:
//
//   - A sample that Put took is read at once, and from then on exactly once,
//     wherever it lies meanwhile; series are ordered by timestamp and, where
//     that is equal, by arrival. Late samples and equal timestamps are kept.
//   - Put does no I/O, waits for nobody but readers and writers of the same
//     sensor, and allocates nothing once a series has its size.
//   - Samples reach the cold tier within a second, in one transaction for all
//     series, or at once when somebody waits in Durable. A flush that fails is
//     tried again for as long as the process lives, and what waits for it is
//     kept, up to a bound; at the bound Put refuses whole batches with
//     sensocto.ErrUnavailable. Nothing taken is dropped.
//   - No lock is held while the cold tier works.
//
// It does not validate (package sensor does), does not remove doubles, and
// never deletes anything but in Cleanup. What a process takes down with it
// when it is killed is what Put took and no flush had written: at most the
// last second (docs/storage.md).
package store
