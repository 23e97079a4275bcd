package sensor

import (
	"cmp"

	"github.com/sensocto/sensocto"
)

// newAttribute returns an attribute of which nothing is said but its id.
func newAttribute(id string) sensocto.Attribute {
	return sensocto.Attribute{ID: id, Name: id, Type: inferType(id, sensocto.Sample{})}
}

// textBytes is what an attribute adds to each announcement of its sensor.
func textBytes(a sensocto.Attribute) int { return len(a.ID) + len(a.Name) + len(a.Type) + len(a.Unit) }

// describe merges what is said of an attribute: what is not said stays as it
// is. An attribute that is new is counted, and refused where there are too
// many.
func (p *process) describe(said sensocto.Attribute) error {
	before, known := sensocto.Attribute{}, p.view.attributes[said.ID] // this goroutine alone writes the map
	after := newAttribute(said.ID)
	if known != nil {
		before, after = known.Attribute, known.Attribute
	}
	after.Name, after.Type = cmp.Or(said.Name, after.Name), cmp.Or(said.Type, after.Type)
	after.Unit, after.SamplingRate = cmp.Or(said.Unit, after.Unit), cmp.Or(said.SamplingRate, after.SamplingRate)
	if after == before {
		return nil
	}
	larger := textBytes(after) - textBytes(before)
	if larger > 0 && p.described+larger > sensocto.MaxDescription {
		return errDescription
	}
	if known == nil {
		if err := p.mayAdd(said.ID); err != nil {
			return err
		}
	}
	p.described += larger
	p.view.set(after)
	p.dirty, p.unsaved = true, true
	return nil
}

// mayAdd counts an attribute that is new, or says why there can be none.
func (p *process) mayAdd(attributeID string) error {
	switch {
	case p.removed[attributeID]: // it comes back: it was counted all the time
		delete(p.removed, attributeID)
		return nil
	case len(p.view.attributes)+len(p.removed) >= p.registry.options.MaxAttributes:
		return sensocto.ErrTooManyAttributes
	}
	return p.charge()
}

// remove unregisters an attribute. Its samples stay, so it goes on to count:
// else a device could make series without end.
func (p *process) remove(attributeID string) {
	a := p.view.attributes[attributeID]
	if a == nil {
		return
	}
	if p.removed == nil {
		p.removed = make(map[string]bool)
	}
	p.removed[attributeID] = true
	p.described -= textBytes(a.Attribute)
	p.view.remove(attributeID)
	p.dirty, p.unsaved = true, true
}

// rememberRemoved notes attributes that have samples and are not registered.
// It is called before the sensor is live.
func (p *process) rememberRemoved(attributeIDs []string) {
	for _, id := range attributeIDs {
		if p.view.attributes[id] != nil {
			continue
		}
		if p.removed == nil {
			p.removed = make(map[string]bool)
		}
		p.removed[id] = true
		p.charged[p.creator]++
		p.registry.series.add(p.creator, 1)
	}
}

// change edits the sensor's own fields.
func (p *process) change(edit func(*sensocto.Sensor)) {
	if p.view.change(edit) {
		p.dirty, p.unsaved = true, true
	}
}
