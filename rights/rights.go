package rights

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// PollInterval is how often Run asks what other processes have changed.
const PollInterval = 100 * time.Millisecond

// Store is where rights are kept; *peopledb.DB is one.
type Store interface {
	Memberships(ctx context.Context, userID string) ([]sensocto.Member, error)
	Members(ctx context.Context, roomID, after string, limit int) ([]sensocto.Member, error)
	Shares(ctx context.Context, roomID string) ([]sensocto.Share, error)
	SharesFor(ctx context.Context, userID string) ([]sensocto.Share, error)
	SensorShares(ctx context.Context, sensorID string) ([]sensocto.Share, error)
	Grants(ctx context.Context, sensorID string) ([]sensocto.Grant, error)
	GrantsFor(ctx context.Context, userID string) ([]sensocto.Grant, error)
	Room(ctx context.Context, id string) (sensocto.Room, error)
	Changes(ctx context.Context, after int64) (changes []sensocto.Change, version int64, all bool, err error)
	OnChange(f func([]sensocto.Change)) (stop func())
}

// Options are what New needs. Store and Owner are required.
type Options struct {
	Store Store
	// Owner returns to whom a sensor belongs, and false where there is none.
	Owner func(sensorID string) (ownerID string, known bool)
	// OperatorShown says that everybody sees the sensors of the operator, as where
	// callers without a credential may view.
	OperatorShown bool
	Log           *slog.Logger
	// Entries bounds how many users and sensors, each, are remembered; default
	// 100,000.
	Entries int
}

var _ sensocto.Rights = (*Rights)(nil)

// Rights answers who may do what. It is safe for concurrent use.
type Rights struct {
	options Options
	stop    func() // the following of changes

	following sync.Mutex // held while a change is read and remembered: an older one must not come last

	mu         sync.Mutex // guards what follows; never held over a query
	generation int64      // counts changes: what was read before one is not kept
	users      map[string]map[string]sensocto.Role
	sensors    map[string]*sensor
	listeners  map[*listener]struct{}
}

// sensor is who has rights to a sensor beside its owner.
type sensor struct {
	grants []sensocto.Grant
	shares []sensocto.Share
}

type listener struct{ changed func(userIDs []string) }

// New returns Rights that follow what the store changes. Close ends that.
func New(o Options) *Rights {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Entries == 0 {
		o.Entries = 100_000
	}
	r := &Rights{options: o, users: map[string]map[string]sensocto.Role{}, sensors: map[string]*sensor{}, listeners: map[*listener]struct{}{}}
	r.stop = o.Store.OnChange(func(changes []sensocto.Change) { r.follow(context.Background(), changes) })
	return r
}

// Close stops following changes. It may be called twice.
func (r *Rights) Close() { r.stop() }

// Recheck tells everybody: an owner is another one now, which no store knows.
func (r *Rights) Recheck() { r.tell(nil) }

// OnChanged calls f with users whose rights may have changed, before the call
// that changed them returns, until stop is called. A nil list means everybody.
// f must not block.
func (r *Rights) OnChanged(f func(userIDs []string)) (stop func()) {
	l := &listener{f}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[l] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners, l)
	}
}

// Sensor returns what the identity may do with a sensor.
func (r *Rights) Sensor(ctx context.Context, id sensocto.Identity, sensorID string) (sensocto.SensorRights, error) {
	if len(id.SensorIDs) > 0 && !slices.Contains(id.SensorIDs, sensorID) {
		return sensocto.SensorRights{}, nil
	}
	if id.Operator() { // the scopes count for every sensor
		return sensocto.ScopeRights{}.Sensor(ctx, id, sensorID)
	}
	owner, known := r.options.Owner(sensorID)
	a := answer{}
	switch {
	case !known:
		a.rights.Ingest = true // who brings it first owns it
		// Perhaps it will be one of the operator. Channels that wait for it are looked
		// at again when somebody brings it.
		a.rights.Live = r.options.OperatorShown
	case owner == sensocto.GuestID:
		a.sensor(sensorTable[Public], time.Time{}, false) // brought by somebody without a name, for all to see
		if id.UserID == "" {
			a.rights.Export, a.rights.Ingest = true, true
		}
	case owner == id.OwnerID, owner == sensocto.OperatorID && id.Can(sensocto.ScopeAdmin):
		a.sensor(sensorTable[Owner], time.Time{}, true)
	case owner == sensocto.OperatorID && r.options.OperatorShown:
		a.sensor(sensorTable[Public], time.Time{}, false)
		a.rights.Export = true
	}
	if id.UserID != "" || known {
		if err := r.shared(ctx, &a, id.UserID, sensorID); err != nil {
			return sensocto.SensorRights{}, err
		}
	}
	if id.Can(sensocto.ScopeAdmin) {
		a.sensor(sensorTable[Administrator], time.Time{}, false)
	}
	return scoped(a.rights, id), nil
}

// scoped leaves of the rights what the credential may use.
func scoped(s sensocto.SensorRights, id sensocto.Identity) sensocto.SensorRights {
	view, ingest := id.Can(sensocto.ScopeView), id.Can(sensocto.ScopeIngest)
	s.Live, s.History, s.Export = s.Live && view, s.History && view, s.Export && view
	s.Ingest = s.Ingest && ingest
	// To change something takes both: a device's token cannot, nor can one that
	// only looks.
	s.Command, s.Share = s.Command && view && ingest, s.Share && view && ingest
	s.Edit, s.Delete = s.Edit && view && ingest, s.Delete && view && ingest
	return s
}

// shared adds what grants and rooms allow a user; "" is nobody in particular.
func (r *Rights) shared(ctx context.Context, a *answer, userID, sensorID string) error {
	s, err := r.sensor(ctx, sensorID)
	if err != nil {
		return err
	}
	for _, g := range s.grants {
		switch g.UserID {
		case "":
			a.sensor(sensorTable[Public], since(g.GrantedAt, g.AllHistory), false)
		case userID:
			a.sensor(sensorTable[Grantee], since(g.GrantedAt, g.AllHistory), g.Control)
		}
	}
	if userID == "" || len(s.shares) == 0 {
		return nil
	}
	roles, err := r.roles(ctx, userID)
	if err != nil {
		return err
	}
	for _, share := range s.shares {
		if role, ok := roles[share.RoomID]; ok {
			a.sensor(sensorTable[roomWho(role)], since(share.SharedAt, share.AllHistory), share.Control)
		}
	}
	return nil
}

func since(at time.Time, all bool) time.Time {
	if all {
		return time.Time{}
	}
	return at
}

// answer gathers rights.
type answer struct{ rights sensocto.SensorRights }

// sensor adds a row of the table. since and control are what its conditions ask
// for.
func (a *answer) sensor(row map[What]condition, since time.Time, control bool) {
	s := &a.rights
	for what, c := range row {
		if c == ifControl && !control {
			continue
		}
		switch what {
		case Live:
			if !s.Live || since.Before(s.LiveSince) {
				s.LiveSince = since
			}
			s.Live = true
		case History:
			if !s.History || since.Before(s.Since) {
				s.Since = since
			}
			s.History = true
		case Export:
			s.Export = true
		case Command:
			s.Command = true
		case Ingest:
			s.Ingest = true
		case Share:
			s.Share = true
		case Edit:
			s.Edit = true
		case Delete:
			s.Delete = true
		}
	}
}

// Room returns what the identity may do in a room, and the room. It returns
// sensocto.ErrNotFound for a room that does not exist or that the identity may
// not see.
func (r *Rights) Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomRights, sensocto.Room, error) {
	room, err := r.options.Store.Room(ctx, roomID)
	if err != nil {
		return sensocto.RoomRights{}, sensocto.Room{}, err
	}
	rights, err := r.RoomRights(ctx, id, room)
	if err == nil && !rights.See {
		err = sensocto.ErrNotFound
	}
	if err != nil {
		room = sensocto.Room{}
	}
	return rights, room, err
}

// RoomRights is Room for one of which the caller knows its ID and IsPublic: what
// is remembered of the user is enough.
func (r *Rights) RoomRights(ctx context.Context, id sensocto.Identity, room sensocto.Room) (rights sensocto.RoomRights, err error) {
	if id.UserID != "" {
		roles, err := r.roles(ctx, id.UserID)
		if err != nil {
			return rights, err
		}
		if rights.Role = roles[room.ID]; rights.Role != "" {
			addRoom(&rights, roomTable[roomWho(rights.Role)])
		} else if room.IsPublic {
			addRoom(&rights, roomTable[Public])
		}
	}
	if id.Can(sensocto.ScopeAdmin) {
		addRoom(&rights, roomTable[Administrator])
	}
	return scopedRoom(rights, id), nil
}

// scopedRoom leaves of the rights in a room what the credential may use: to look
// takes view, all else both scopes; one that names sensors is not for rooms.
func scopedRoom(r sensocto.RoomRights, id sensocto.Identity) sensocto.RoomRights {
	switch view, ingest := id.Can(sensocto.ScopeView), id.Can(sensocto.ScopeIngest); {
	case !view || len(id.SensorIDs) > 0:
		return sensocto.RoomRights{}
	case !ingest:
		return sensocto.RoomRights{Role: r.Role, See: r.See, Enter: r.Enter}
	}
	return r
}

func addRoom(r *sensocto.RoomRights, row map[What]condition) {
	for what, allowed := range map[What]*bool{See: &r.See, Enter: &r.Enter, Join: &r.Join, Call: &r.Call, Share: &r.Share, Invite: &r.Invite,
		Edit: &r.Edit, Record: &r.Record, Kick: &r.Kick, Manage: &r.Manage, Delete: &r.Delete} {
		*allowed = *allowed || row[what] != 0
	}
}

// Role returns what a user is in a room; "" is nothing.
func (r *Rights) Role(ctx context.Context, userID, roomID string) (sensocto.Role, error) {
	roles, err := r.roles(ctx, userID)
	return roles[roomID], err
}

// Visible returns which sensors the identity sees live: its own, those in its
// rooms, those with a grant, public ones, and those of callers without a
// credential.
func (r *Rights) Visible(ctx context.Context, id sensocto.Identity) (sensocto.Visible, error) {
	if id.Operator() || !id.Can(sensocto.ScopeView) {
		return sensocto.ScopeRights{}.Visible(ctx, id)
	}
	v := sensocto.Visible{Owners: []string{id.OwnerID, sensocto.GuestID}, SensorIDs: map[string]time.Time{}, Only: id.SensorIDs}
	if r.options.OperatorShown || id.Can(sensocto.ScopeAdmin) {
		v.Owners = append(v.Owners, sensocto.OperatorID)
	}
	for _, userID := range slices.Compact([]string{"", id.UserID}) {
		grants, err := r.options.Store.GrantsFor(ctx, userID)
		if err != nil {
			return v, err
		}
		for _, g := range grants {
			v.Add(g.SensorID, since(g.GrantedAt, g.AllHistory))
		}
	}
	if id.UserID == "" {
		return v, nil
	}
	shares, err := r.options.Store.SharesFor(ctx, id.UserID)
	if err != nil {
		return v, err
	}
	for _, s := range shares {
		v.Add(s.SensorID, since(s.SharedAt, s.AllHistory))
	}
	return v, nil
}
