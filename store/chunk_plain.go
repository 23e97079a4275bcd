package store

import "sync"

// Plain returns a function for tiers whose data others read as well, without a
// decompressor: it appends the samples, or the buckets of a rollup, of a chunk
// to dst in an encoding in which nothing is compressed. It returns nil where
// the data is so already, or cannot be decoded. It is safe for concurrent use.
func Plain() func(dst, data []byte) []byte {
	codec, plain := NewCodec(), NewCodec()
	plain.plain = true
	columns := sync.Pool{New: func() any { return new(Columns) }}
	return func(dst, data []byte) []byte {
		switch {
		case len(data) < chunkHeaderSize:
			return nil
		case data[1] == 0: // a rollup: chunks have times
			r := new(Rollup)
			if codec.DecodeRollup(data, r) != nil {
				return nil
			}
			return plain.AppendRollup(dst, r)
		case data[1] != timesZstd && data[2] <= valuesDecimal && data[3] != bytesZstd:
			return nil
		}
		cols := columns.Get().(*Columns)
		defer columns.Put(cols)
		if codec.Decode(data, cols) != nil {
			return nil
		}
		dst = plain.Append(dst, cols)
		cols.Reset()
		return dst
	}
}
