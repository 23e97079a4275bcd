// Package room keeps rooms: who is in them, which sensors are, who is asked to
// come, and who is there at this moment. What changes is published on the topics
// room:{id}, rooms:updates and user:{id}.
//
// It promises that every call checks the caller's right first, that a change is
// stored before anybody hears of it, and that whoever loses a right has lost it
// when the call returns. Rooms are read when somebody needs them; nothing is
// loaded at the start.
package room
