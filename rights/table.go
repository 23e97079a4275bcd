package rights

import "github.com/sensocto/sensocto"

// Who is what somebody is to a sensor or a room.
type Who string

// What somebody may be to a sensor. Somebody may be several of these: what any
// of them allows is allowed.
const (
	Owner         Who = "owner"         // brought the sensor first, or was handed it
	Grantee       Who = "grantee"       // has a grant of their own
	RoomOwner     Who = "room owner"    // of a room that the sensor is in
	RoomAdmin     Who = "room admin"    // of such a room
	RoomMember    Who = "room member"   // of such a room
	RoomGuest     Who = "room guest"    // of such a room
	Public        Who = "public"        // anybody, where the owner made the sensor public
	Administrator Who = "administrator" // of the server
	Stranger      Who = "stranger"      // to a room that is not public
)

// What is something that one may do.
type What string

// What one may do with a sensor.
const (
	Live    What = "live"
	History What = "history"
	Export  What = "export"
	Command What = "command"
	Ingest  What = "ingest"
	Share   What = "share"
	Edit    What = "edit"
	Delete  What = "delete"
)

// What one may do with a room, beside Share, Edit and Delete.
const (
	See    What = "see"
	Enter  What = "enter"
	Join   What = "join"
	Call   What = "call"
	Invite What = "invite"
	Record What = "record"
	Kick   What = "kick"
	Manage What = "manage"
)

// condition narrows what the table allows.
type condition uint8

const (
	always      condition = iota + 1
	sinceShared           // from the moment of sharing on, unless the owner shares everything
	ifControl             // where the owner lets them control the sensor
)

// sensorTable is who may do what with a sensor. An administrator of the server
// keeps order, and sees nobody's measurements by that.
var sensorTable = map[Who]map[What]condition{
	Owner:         {Live: always, History: always, Export: always, Command: always, Ingest: always, Share: always, Edit: always, Delete: always},
	Grantee:       {Live: always, History: sinceShared, Export: sinceShared, Command: ifControl},
	RoomOwner:     {Live: always, History: sinceShared, Export: sinceShared, Command: ifControl},
	RoomAdmin:     {Live: always, History: sinceShared, Export: sinceShared, Command: ifControl},
	RoomMember:    {Live: always, History: sinceShared, Export: sinceShared, Command: ifControl},
	RoomGuest:     {Live: always, History: sinceShared},
	Public:        {Live: always, History: sinceShared},
	Administrator: {Edit: always, Delete: always},
}

// roomTable is who may do what with a room.
var roomTable = map[Who]map[What]condition{
	RoomOwner:     {See: always, Enter: always, Call: always, Share: always, Invite: always, Edit: always, Record: always, Kick: always, Manage: always, Delete: always},
	RoomAdmin:     {See: always, Enter: always, Call: always, Share: always, Invite: always, Edit: always, Record: always, Kick: always},
	RoomMember:    {See: always, Enter: always, Call: always, Share: always},
	RoomGuest:     {See: always, Enter: always, Call: always},
	Public:        {See: always, Join: always},
	Stranger:      {},
	Administrator: {See: always, Delete: always},
}

// roomWho returns what a role is in the tables.
func roomWho(r sensocto.Role) Who {
	switch r {
	case sensocto.RoleOwner:
		return RoomOwner
	case sensocto.RoleAdmin:
		return RoomAdmin
	case sensocto.RoleMember:
		return RoomMember
	case sensocto.RoleGuest:
		return RoomGuest
	}
	return Stranger
}
