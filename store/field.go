package store

import (
	"math"
	"slices"
	"strings"

	"github.com/sensocto/sensocto/jsonscan"
)

const (
	// maxFields bounds the numbers in documents of which a rollup keeps buckets. One
	// of documents with more keeps none: readers take what is below it.
	maxFields = 16
	// maxFieldName bounds their names, in bytes; longer ones are no fields.
	maxFieldName = 64
)

// Field is what a rollup keeps of one number in the documents, such as an axis of
// an accelerometer.
type Field struct {
	Name  string
	Cells []Cell // those of the rollup, without documents; those in which no document has it have no numbers
}

// eachField calls visit with each member of a document that is a number. A document
// that is no object has none.
func eachField(document []byte, visit func(name []byte, v float64)) {
	_ = jsonscan.Object(document, func(name, value []byte) error {
		if c := value[0]; c != '-' && (c < '0' || c > '9') || len(name) == 0 || len(name) > maxFieldName {
			return nil
		}
		if v, _ := jsonscan.Number(value, 0); !math.IsInf(v, 0) {
			visit(name, v)
		}
		return nil
	})
}

// only puts one field of each document in the place of the samples. Samples
// without it are no numbers.
func (c *Columns) only(field string) {
	for i := range c.Values {
		c.Values[i] = math.NaN()
	}
	for _, d := range c.Documents {
		eachField(d.Text, func(name []byte, v float64) {
			if string(name) == field {
				c.Values[d.Index] = v
			}
		})
	}
}

// fieldTally gathers the fields of a rollup in the making.
type fieldTally struct {
	byName map[string]*cellTally
	// lost is set where there are too many, or one of the rollups below keeps none.
	lost bool
}

// of returns the cells of a field; nil where there are too many fields.
func (f *fieldTally) of(name string, width int64) *cellTally {
	g := f.byName[name]
	if g == nil && (f.lost || len(f.byName) == maxFields) {
		f.lost = true
		return nil
	}
	if g == nil {
		if f.byName == nil {
			f.byName = make(map[string]*cellTally)
		}
		g = newCellTally(width)
		f.byName[name] = g
	}
	return g
}

// addDocuments adds the fields of consecutive samples, the first of which has a
// number.
func (f *fieldTally) addDocuments(cols *Columns, number, width int64) {
	parts := make(map[string]*Columns)
	for _, d := range cols.Documents {
		eachField(d.Text, func(name []byte, v float64) {
			part := parts[string(name)]
			if part == nil && len(parts) <= maxFields {
				part = new(Columns)
				parts[string(name)] = part
			}
			if part != nil {
				part.Times, part.Values = append(part.Times, cols.Times[d.Index]), append(part.Values, v)
			}
		})
	}
	for name, part := range parts {
		if g := f.of(name, width); g != nil {
			tallySamples(g, part, number)
		}
	}
}

// addRollup adds the fields of a rollup of consecutive samples, the first of which
// has a number.
func (f *fieldTally) addRollup(r *Rollup, number, width int64) {
	f.lost = f.lost || r.documents() > 0 && !r.HasFields
	for i := range r.Fields {
		field := &r.Fields[i]
		g := f.of(field.Name, width)
		for j := range field.Cells {
			if cell := &field.Cells[j]; g != nil && cell.Numbers.Count > 0 {
				a, _, _ := g.at(cell.Start)
				a.addPiece(&cell.Numbers, 0, number)
			}
		}
	}
}

// put gives a rollup, whose cells are there, its fields.
func (f *fieldTally) put(r *Rollup) {
	if f.lost || r.documents() == 0 {
		return
	}
	r.HasFields = true
	for name, g := range f.byName {
		g.widen(r.Width)
		field := Field{Name: name, Cells: make([]Cell, len(r.Cells))}
		for i := range r.Cells {
			cell := &field.Cells[i]
			cell.Start = r.Cells[i].Start
			if j, ok := g.index[cell.Start]; ok {
				cell.Numbers = g.list[j].numbers
			}
		}
		r.Fields = append(r.Fields, field)
	}
	slices.SortFunc(r.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
}

// documents returns how many samples of a rollup are no numbers.
func (r *Rollup) documents() (n int64) {
	for i := range r.Cells {
		n += r.Cells[i].Documents
	}
	return n
}

// cellsOf returns the cells of a field, "" for the numbers, and whether the rollup
// knows it.
func (r *Rollup) cellsOf(field string) (cells []Cell, known bool) {
	if field == "" {
		return r.Cells, true
	}
	for i := range r.Fields {
		if r.Fields[i].Name == field {
			return r.Fields[i].Cells, true
		}
	}
	return nil, r.HasFields || r.documents() == 0
}

// sameFields reports whether two rollups keep the same of documents. One of an
// older version keeps nothing.
func sameFields(a, b *Rollup) bool {
	if !a.HasFields || !b.HasFields {
		return true
	}
	return slices.EqualFunc(a.Fields, b.Fields, func(x, y Field) bool {
		return x.Name == y.Name && slices.EqualFunc(x.Cells, y.Cells, func(c, d Cell) bool { return c.Start == d.Start && sameBucket(c.Numbers, d.Numbers) })
	})
}
