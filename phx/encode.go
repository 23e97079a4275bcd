package phx

import "github.com/sensocto/sensocto/jsonscan"

// AppendPush appends a server's message as text. A broadcast has neither join
// ref nor ref, a push to one joiner has a join ref; phx_close and phx_error have
// both, equal to the join ref of the channel that they end. V1 carries no join
// refs. payload must be JSON.
func AppendPush(dst []byte, v Version, joinRef, ref Ref, topic, event string, payload []byte) []byte {
	dst = appendHead(dst, v, joinRef, ref, topic, event)
	dst = append(dst, payload...)
	return appendTail(dst, v, ref)
}

// AppendBroadcast appends a push that belongs to no join, as text. appendPayload appends its
// payload, JSON, in place.
func AppendBroadcast(dst []byte, v Version, topic, event string, appendPayload func([]byte) []byte) []byte {
	return appendTail(appendPayload(appendHead(dst, v, nil, nil, topic, event)), v, nil)
}

// AppendReply appends the reply to the message with the given refs as text.
// response must be a JSON object: official clients read it as one.
func AppendReply(dst []byte, v Version, joinRef, ref Ref, topic, status string, response []byte) []byte {
	dst = appendHead(dst, v, joinRef, ref, topic, EventReply)
	dst = jsonscan.AppendString(append(dst, `{"status":`...), status)
	dst = append(dst, `,"response":`...)
	dst = append(append(dst, response...), '}')
	return appendTail(dst, v, ref)
}

// AppendMessage appends a client's message as text. payload must be JSON.
func AppendMessage(dst []byte, v Version, joinRef, ref Ref, topic, event string, payload []byte) []byte {
	dst = appendHead(dst, v, joinRef, ref, topic, event)
	dst = append(dst, payload...)
	if v == V1 && !joinRef.IsNull() {
		dst = joinRef.Append(append(dst, `,"join_ref":`...))
	}
	return appendTail(dst, v, ref)
}

// appendHead appends all that stands before the payload.
func appendHead(dst []byte, v Version, joinRef, ref Ref, topic, event string) []byte {
	if v == V1 {
		dst = jsonscan.AppendString(append(dst, `{"topic":`...), topic)
		dst = jsonscan.AppendString(append(dst, `,"event":`...), event)
		return append(dst, `,"payload":`...)
	}
	dst = joinRef.Append(append(dst, '['))
	dst = ref.Append(append(dst, ','))
	dst = jsonscan.AppendString(append(dst, ','), topic)
	dst = jsonscan.AppendString(append(dst, ','), event)
	return append(dst, ',')
}

func appendTail(dst []byte, v Version, ref Ref) []byte {
	if v == V1 {
		return append(ref.Append(append(dst, `,"ref":`...)), '}')
	}
	return append(dst, ']')
}
