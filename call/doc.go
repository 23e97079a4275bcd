// Package call carries the signalling of WebRTC calls in rooms (protocol section
// 8), and names the STUN and TURN servers of the server.
//
// It promises that from is always who sent, that nothing reaches a peer of another
// call, that each peer hears of every other's coming and going in order, and that
// no description, candidate or rate grows beyond its limit. It does not decide who
// may take part: whoever calls Join has asked for that right. Media do not pass
// through it.
package call
