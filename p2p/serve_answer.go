package p2p

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// ask answers a question beside what is live, a few at a time.
func (s *served) ask(ctx context.Context, body []byte, parts *sync.WaitGroup) error {
	q, err := parseQuestion(body)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.asking++
	many := s.asking > asksOfOne
	s.mu.Unlock()
	if many {
		return errAsksTooMuch
	}
	parts.Go(func() {
		release, ok := s.live.mayAsk(ctx, s.from)
		if !ok {
			return
		}
		a := &reply{id: q.ID, release: release}
		reading, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		answer, err := s.answer(reading, &q, a)
		s.answered(a, answer, err)
	})
	return nil
}

// answer reads an answer, and notes the rights under which it was read: they are looked
// at again when it is sent.
func (s *served) answer(ctx context.Context, q *question, a *reply) ([]byte, error) {
	r, err := s.allowed(ctx)
	if err != nil {
		return nil, err
	}
	if err := q.bound(r); err != nil {
		return nil, err
	}
	a.rights, a.secret = r, true
	return q.answer(ctx, s.live.Samples, s.open.Sensor, r)
}

// reply is an answer that waits to be sent. It counts against the bounds on answers until
// its last frame is handed to the writer.
type reply struct {
	id      uint64
	frames  [][]byte
	rights  sensocto.SensorRights // under which it was read
	secret  bool                  // it is for those with these rights alone
	until   time.Time             // when it has to be sent; zero before its first frame is
	release func()
}

// outdated reports whether the rights to the past are not those under which it was read.
func (a *reply) outdated(now sensocto.SensorRights) bool {
	return a.secret && (a.rights.History != now.History || !a.rights.Since.Equal(now.Since))
}

// answered queues the frames of an answer. They are sent one at a time behind what is
// live, so the last one comes after all that was published before the answer was read.
func (s *served) answered(a *reply, answer []byte, err error) {
	if err == nil {
		a.frames = answerFrames(a.id, answer)
	} else {
		a.frames = [][]byte{failureFrame(a.id, err)}
	}
	s.mu.Lock()
	s.answers = append(s.answers, a)
	s.mu.Unlock()
	s.notify()
}

// nextFrame takes the next frame of an answer, with mu held; nil where there is none.
func (s *served) nextFrame() []byte {
	if len(s.answers) == 0 {
		return nil
	}
	a := s.answers[0]
	frame := a.frames[0]
	if a.frames = a.frames[1:]; len(a.frames) == 0 {
		s.answers = s.answers[1:]
		s.asking--
		a.release()
	}
	return frame
}

// release lets go of answers that are not sent any more.
func (s *served) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.nextFrame() != nil {
	}
}

// answerFrames takes an answer apart: the id, 1 for the last part, and bytes.
func answerFrames(id uint64, answer []byte) (all [][]byte) {
	for {
		n := min(len(answer), answerPart)
		frame, at := beginFrame(make([]byte, 0, n+24), frameAnswer)
		frame = appendFlag(binary.AppendUvarint(frame, id), n == len(answer))
		all = append(all, endFrame(append(frame, answer[:n]...), at))
		if answer = answer[n:]; len(answer) == 0 {
			return all
		}
	}
}

// sendAnswer sends a frame of an answer. One that was read under other rights than there
// are now is not sent, or no further. A peer that has not taken one within answerTime
// loses the stream: answers of others wait for its place.
func (s *served) sendAnswer(ctx context.Context) error {
	s.mu.Lock()
	s.stale = s.stale || s.answers[0].outdated(s.rights) // perhaps it is newer than those
	s.mu.Unlock()
	if err := s.recheck(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	a := s.answers[0]
	if a.outdated(s.rights) {
		a.frames, a.secret = [][]byte{failureFrame(a.id, errNoSensor)}, false
	}
	if a.until.IsZero() {
		a.until = time.Now().Add(answerTime)
	}
	frame := s.nextFrame()
	s.mu.Unlock()
	ctx, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	err := s.write(ctx, frame)
	if !time.Now().Before(a.until) && err != nil {
		s.live.count.slow.Add(1)
		return errSlow
	}
	return err
}
