package journal

// bufferSize is how much a buffer takes, headers included: so much is a group
// at most, except of a single larger record.
const bufferSize = 256 << 10

// buffer is a group in memory: groupSize bytes for its header, and records.
type buffer struct {
	data    []byte
	first   Position
	records uint32
}

func (b *buffer) end() Position { return b.first + Position(b.records) }

// maxPrefix is the length of a record's length at most.
const maxPrefix = 5

func (b *buffer) fits(record []byte) bool {
	return b.records == 0 || len(b.data)+maxPrefix+len(record) <= bufferSize
}

// pool keeps buffers for use again, as many as there are between two syncs.
type pool struct{ free []*buffer }

const poolSize = 64

func (p *pool) take(first Position) *buffer {
	n := len(p.free)
	if n == 0 {
		return &buffer{data: make([]byte, groupSize, bufferSize), first: first}
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	*b = buffer{data: b.data[:groupSize], first: first}
	return b
}

func (p *pool) put(b *buffer) {
	if len(p.free) < poolSize && cap(b.data) == bufferSize {
		p.free = append(p.free, b)
	}
}
