// Package recording reads recorded biosignals: WFDB records, EDF, EDF+ and BDF
// files, and CSV tables. It is what lets a file be replayed as if a device
// were sending it.
//
// What it promises:
//
//   - Files are streamed: memory is bounded by the length of a block, not of
//     the file. Only the list of annotations is held whole.
//   - Blocks come in time order, and inside a block each signal's samples do.
//   - A physical value is one IEEE division, (raw − baseline) / gain, so
//     that whoever gets the raw numbers with baseline and gain computes the
//     same bits.
//   - Sample i of a signal lies round(i·1e6/rate) µs after the start.
//     Invalid samples are left out, and the later ones keep their index and
//     so their time.
//   - Nothing is left out in silence: Recording.Ignored says what a file
//     holds and the recording does not.
//   - Texts are UTF-8, whatever the file has.
//   - Truncated or corrupt files give an error that says which file and what
//     is wrong; nothing a file says of itself makes the reader allocate
//     much more than the file is long.
//
// What it does not do: WFDB signals compressed with FLAC (formats 508, 516,
// 524) and first differences (format 8) are refused with an error that says so. A Recording is not for concurrent use.
package recording
