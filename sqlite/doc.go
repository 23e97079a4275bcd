// Package sqlite keeps everything that outlives the process in one SQLite
// file: the chunks of the cold tier, the catalog of sensors, and tokens.
//
// It promises that a call that returned without an error is on disk
// (synchronous FULL), that writes are atomic, and that readers neither wait
// for the writer nor see half of a write. Several processes may open the same
// file, but only one may store samples: see Options.Exclusive.
//
// It does not retry, and deletes nothing but what it is asked to.
package sqlite
